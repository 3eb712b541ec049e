package explain

import "callweave/internal/correlate"

// assumption is what is assumed of a feature where the rows say nothing else, in ms of
// latency, units of the threshold or log-odds: what a model given before has, else what
// physics says.
type assumption struct {
	prior      *Model // nil for none
	thresholds correlate.Thresholds
}

// of is what a value of a feature is assumed to add to a target, up to a constant. What a
// probe of the uplink measures, media on the same way feel: one for one.
func (a assumption) of(f Feature, target int, value float64) float64 {
	if a.prior != nil {
		return a.prior.step(f, target, value, a.thresholds)
	}
	if target == badTarget {
		return 0
	}
	switch metric := Target(target).Metric(); {
	case f == WANRTT && metric == correlate.Latency:
		return value
	case f == WANJitter && metric == correlate.Jitter:
		return value / float64(a.thresholds.JitterMS)
	case f == WANLoss && metric == correlate.Loss:
		return value / float64(a.thresholds.LossRatio)
	}
	return 0
}

// step is what a value adds to a target in a model.
func (m *Model) step(f Feature, target int, value float64, thresholds correlate.Thresholds) float64 {
	shape := m.sums[target].shape
	for i := range m.columns {
		c := &m.columns[i]
		if c.feature != f || shape == nil {
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

// beyond are edges above what the rows hold of a feature of which something is assumed.
func (a assumption) beyond(f Feature, smallest, largest float32) []float32 {
	var edges []float32
	if a.prior != nil {
		for i := range a.prior.columns {
			c := &a.prior.columns[i]
			for _, edge := range c.edges {
				if c.feature == f && (edge > largest || edge < smallest) {
					edges = append(edges, edge)
				}
			}
		}
		return edges
	}
	step := map[Feature]float32{WANRTT: 10, WANJitter: 4, WANLoss: 0.004}[f]
	for i := float32(1); i <= 20; i++ {
		if edge := i * step; edge > largest {
			edges = append(edges, edge)
		}
	}
	return edges
}
