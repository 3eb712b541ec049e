package explain

import (
	"math"

	"callweave/internal/correlate"
)

// badTarget is the place of the log-odds of a bad minute among a model's sums.
const badTarget = NumTargets

// Model explains the minutes of an org. It is never changed, and safe for concurrent use.
type Model struct {
	// Factory says that the model was trained on simulated networks and not on the org's.
	Factory bool
	// Thresholds are those it was trained with. Jitter and loss are in units of them.
	Thresholds correlate.Thresholds
	Trained    Trained
	Scores     Scores

	columns []column
	offset  []int // of each column's bins
	size    int   // bins of all columns
	places  []string
	placeOf map[string]int32
	uplinks map[string]uplink // by site
	usual   [3]float32        // round trip, jitter and loss of uplinks
	sums    [NumTargets + 1]sum
}

// Trained says what a model was trained on.
type Trained struct {
	Rows    int
	BadRows int
	From    int64 // seconds since 1970, of the first row
	To      int64 // of the last one
}

// Scores are measured on rows that were held out, with a model that did not see them.
type Scores struct {
	HeldOut int
	MAE     [NumTargets]float64 // latency in ms, jitter and loss in units of their threshold
	Mean    [NumTargets]float64 // MAE of always guessing the mean, to compare with
	BadAUC  float64             // of the log-odds of a bad minute: 1 orders all, 0.5 none; NaN without bad rows
}

// sum is an additive model of one target.
type sum struct {
	expected float64
	place    []float64 // added to expected, by place
	shape    []float64 // by bin: what it adds to expected
	spread   float64   // of what is left unexplained, two in three minutes
}

// Contributions is a prediction in parts: what is expected of a good minute at this place,
// and what each feature adds to it. Expected and all parts add up to Predicted.
type Contributions struct {
	Expected  float64
	Feature   [NumFeatures]float64
	Predicted float64
}

func (c *Contributions) total() {
	c.Predicted = c.Expected
	for _, part := range c.Feature {
		c.Predicted += part
	}
}

// Explain says what a model expects of a target in a row and what each feature adds:
// latency in ms, jitter and loss in units of the thresholds given. What a tunnel adds to
// its leg is told by [Model.Judge] only, which sees whole legs.
func (m *Model) Explain(in *Minutes, row int, t Target, thresholds correlate.Thresholds) Contributions {
	var c Contributions
	r := m.read(in, row)
	m.contributions(&c, &r, int(t), t.way(), m.scale(t, thresholds))
	return c
}

// Troubleshoot is what Mist's schema tells of a minute.
type Troubleshoot struct {
	Bad     Contributions                // log-odds of a bad minute; where nearly none was bad in training, all is expected
	Latency [numDirections]Contributions // ms: audio in, audio out, video in, video out
}

// Troubleshoot explains a row in all directions.
func (m *Model) Troubleshoot(dst *Troubleshoot, in *Minutes, row int) {
	r := m.read(in, row)
	m.contributions(&dst.Bad, &r, badTarget, bothWays, 1)
	for d := range dst.Latency {
		t := Target(d * numMetrics)
		m.contributions(&dst.Latency[d], &r, int(t), t.way(), 1)
	}
}

// scale turns units of the thresholds of the training into those of others.
func (m *Model) scale(t Target, thresholds correlate.Thresholds) float64 {
	if t.Metric() == correlate.Latency {
		return 1
	}
	return float64(t.limit(m.Thresholds)) / float64(t.limit(thresholds))
}

// reading is a row as a model sees it: the place in a shape of each column's bin, by way.
type reading struct {
	at    [numWays][NumFeatures]int32
	place int32 // -1 where unknown
}

func (m *Model) read(in *Minutes, row int) reading {
	r := reading{place: -1}
	queue := bothWays
	if in.Place != nil && in.Place[row] != "" {
		if place, ok := m.placeOf[in.Place[row]]; ok {
			r.place = place
		}
		queue = m.queue(in, row)
	}
	for i := range m.columns {
		c := &m.columns[i]
		r.at[bothWays][i] = int32(m.offset[i]) + int32(c.bin(m.input(in, c.input, row, bothWays, queue)))
	}
	r.at[sent], r.at[heard] = r.at[bothWays], r.at[bothWays]
	if queue == bothWays {
		return r
	}
	other := sent + heard - queue
	for i := range m.columns {
		if c := &m.columns[i]; c.feature.probed() {
			r.at[other][i] = int32(m.offset[i]) + int32(c.bin(m.input(in, c.input, row, other, queue)))
		}
	}
	return r
}

func (m *Model) contributions(c *Contributions, r *reading, target int, of way, scale float64) {
	*c = Contributions{}
	s := &m.sums[target]
	expected := s.expected
	if r.place >= 0 && len(s.place) > 0 {
		expected += s.place[r.place]
	}
	c.Expected = expected * scale
	if s.shape != nil {
		at := &r.at[of]
		for i := range m.columns {
			c.Feature[m.columns[i].feature] += s.shape[at[i]] * scale
		}
	}
	c.total()
}

// forgetPlaces leaves what holds at any place.
func (m *Model) forgetPlaces() {
	m.places, m.placeOf, m.uplinks = nil, map[string]int32{}, map[string]uplink{}
	for i := range m.sums {
		m.sums[i].place = nil
	}
}

func known(v float32) bool { return v == v && !math.IsInf(float64(v), 0) }
