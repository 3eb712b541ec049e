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
	var bins [NumFeatures]uint8
	m.bins(in, row, t.way(), &bins)
	var c Contributions
	m.contributions(&c, in, row, &bins, int(t), m.scale(t, thresholds))
	return c
}

// ExplainBad is Explain for the log-odds of a bad minute. Where nearly no minute was bad
// in training, everything is expected.
func (m *Model) ExplainBad(in *Minutes, row int) Contributions {
	var bins [NumFeatures]uint8
	m.bins(in, row, bothWays, &bins)
	var c Contributions
	m.contributions(&c, in, row, &bins, badTarget, 1)
	return c
}

// scale turns units of the thresholds of the training into those of others.
func (m *Model) scale(t Target, thresholds correlate.Thresholds) float64 {
	if t.Metric() == correlate.Latency {
		return 1
	}
	return float64(t.limit(m.Thresholds)) / float64(t.limit(thresholds))
}

// bins finds the bin of each column.
func (m *Model) bins(in *Minutes, row int, of way, bins *[NumFeatures]uint8) {
	queue := m.queue(in, row)
	for i := range m.columns {
		c := &m.columns[i]
		bins[i] = c.bin(m.input(in, c.feature, row, of, queue))
	}
}

func (m *Model) contributions(c *Contributions, in *Minutes, row int, bins *[NumFeatures]uint8, target int, scale float64) {
	s := &m.sums[target]
	c.Expected = (s.expected + m.placeStep(s, in, row)) * scale
	if s.shape != nil {
		for i := range m.columns {
			c.Feature[m.columns[i].feature] = s.shape[m.offset[i]+int(bins[i])] * scale
		}
	}
	c.total()
}

func (m *Model) placeStep(s *sum, in *Minutes, row int) float64 {
	if in.Place == nil || s.place == nil {
		return 0
	}
	if i, ok := m.placeOf[in.Place[row]]; ok {
		return s.place[i]
	}
	return 0
}

func known(v float32) bool { return v == v && !math.IsInf(float64(v), 0) }
