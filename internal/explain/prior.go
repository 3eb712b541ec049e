package explain

import (
	"slices"

	"callweave/internal/correlate"
)

// assumption is what is assumed of a feature where the rows say nothing else, in ms of
// latency, units of the threshold or log-odds: what a model given before has, else what
// physics and the rules of those who run networks say.
type assumption struct {
	prior      *Model // nil for none
	thresholds correlate.Thresholds
}

// of is what a value of a feature is assumed to add to a target, up to a constant. What a
// probe of the uplink measures, media on the same way feel: one for one. For the rest there
// are rules.
func (a assumption) of(read input, target int, value float64) float64 {
	if a.prior != nil {
		return a.prior.step(read, target, value, a.thresholds)
	}
	f := read.feature
	if target == badTarget {
		return 0
	}
	limit := float64(Target(target).limit(a.thresholds))
	metric := Target(target).Metric()
	unit := limit // of the target, in what sums are in
	if metric != correlate.Latency {
		unit = 1
	}
	if probed, ok := map[Feature]correlate.Metric{WANRTT: correlate.Latency, WANJitter: correlate.Jitter, WANLoss: correlate.Loss}[f]; ok {
		if probed != metric {
			return 0
		}
		return value / limit * unit
	}
	for _, rule := range rules() {
		if rule.feature == f {
			share := map[correlate.Metric]float64{correlate.Latency: 0.5, correlate.Jitter: 1, correlate.Loss: 0.7}[metric]
			return share * unit * max(0, (value-rule.from)/(rule.to-rule.from))
		}
	}
	return 0
}

// rule is what nobody who runs a network would wait for data to believe: from a value on a
// feature makes calls worse, and at another calls are bad of it. Jitter is what it makes bad
// first; latency and loss get a part.
type rule struct {
	feature  Feature
	from, to float64
}

// rules begin where those who plan networks for voice are content: a signal of -67 dBm (Cisco's
// Voice over Wireless LAN design guide), half of the air in use, little in it that is not
// Wi-Fi, a computer with something to spare. Where they end, and what of it is latency and
// loss, was set on the tuning worlds. They are a beginning: a few rows outweigh them.
func rules() []rule {
	return []rule{
		{ClientRSSI, -68, -84},
		{RadioUtil, 0.55, 0.95},
		{RadioUtilInterference, 0.1, 0.45},
		{ClientCPU, 80, 100},
	}
}

// step is what a value adds to a target in a model.
func (m *Model) step(read input, target int, value float64, thresholds correlate.Thresholds) float64 {
	shape := m.sums[target].shape
	for i := range m.columns {
		c := &m.columns[i]
		if c.input != read || shape == nil {
			continue
		}
		scale := 1.0
		if target != badTarget {
			scale = m.scale(Target(target), thresholds)
		}
		return scale * shape[m.offset[i]+int(c.bin(float32(value)))]
	}
	return 0
}

// edges are those of the prior's column.
func (a assumption) edges(read input) []float32 {
	if a.prior == nil {
		return nil
	}
	for i := range a.prior.columns {
		if c := &a.prior.columns[i]; c.input == read {
			return slices.Clone(c.edges)
		}
	}
	return nil
}

// beyond are edges beyond what the rows mostly hold of a feature of which something is
// assumed: a few rows must not speak for all that is there.
func (a assumption) beyond(read input, lo, hi float32) []float32 {
	var edges []float32
	if a.prior != nil {
		for _, edge := range a.edges(read) {
			if edge > hi || edge < lo {
				edges = append(edges, edge)
			}
		}
		return edges
	}
	step := map[Feature]float32{WANRTT: 10, WANJitter: 4, WANLoss: 0.004}[read.feature]
	for i := float32(1); i <= 20; i++ {
		if edge := i * step; step > 0 && edge > hi {
			edges = append(edges, edge)
		}
	}
	for _, rule := range rules() {
		if rule.feature != read.feature {
			continue
		}
		const parts = 8
		for i := range parts + 1 {
			if edge := float32(rule.from + (rule.to-rule.from)*float64(i)/parts); edge > hi || edge < lo {
				edges = append(edges, edge)
			}
		}
	}
	return edges
}
