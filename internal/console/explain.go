package console

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"callweave/internal/measure"
)

// Explainer says what made a minute as it was. It may be missing: then minutes are shown as
// not explained yet.
type Explainer interface {
	// Explain returns nil where the minute is not explained.
	Explain(ctx context.Context, org uuid.UUID, leg int64, startAt time.Time) (*Explanation, error)
}

// Explanation is one prediction, taken apart: Expected and all contributions add up to
// Predicted.
type Explanation struct {
	What          string // "delay of sound received"
	Unit          string // of all numbers
	Expected      float64
	Predicted     float64
	Observed      measure.Value
	Contributions []Contribution // the largest first
	Note          string         // on the model, such as that it is the factory's
}

// Contribution is what one thing added.
type Contribution struct {
	Feature string // as people call it: "Wi-Fi signal"
	Seen    string // what it was: "−78 dBm"
	Bucket  string // where it is fixed
	Effect  float64
}

// step is a row of the way from expected to predicted.
type step struct {
	Label  string
	Seen   string
	Value  string
	Bucket string
	Total  bool
	X, W   string // of the bar, 0 to 100
	Mark   string // where the running sum stands after it
}

// steps draws an explanation as bars that each begin where the one before ended.
func steps(e *Explanation) []step {
	if e == nil {
		return nil
	}
	lowest, highest, sum := math.Min(0, e.Expected), math.Max(0, e.Expected), e.Expected
	for _, c := range e.Contributions {
		sum += c.Effect
		lowest, highest = math.Min(lowest, sum), math.Max(highest, sum)
	}
	if observed, known := e.Observed.Get(); known {
		highest = math.Max(highest, observed)
	}
	x := scale{lowest, highest, 0, 100}
	between := func(a, b float64) (string, string) {
		left, right := x.at(math.Min(a, b)), x.at(math.Max(a, b))
		return unit(left), unit(math.Max(0.6, right-left))
	}
	total := func(label string, value float64) step {
		s := step{Label: label, Value: number(round1(value)) + " " + e.Unit, Total: true}
		s.X, s.W = between(0, value)
		return s
	}
	list := []step{total("Usual for this minute", e.Expected)}
	at := e.Expected
	for _, c := range e.Contributions {
		s := step{Label: c.Feature, Seen: c.Seen, Bucket: c.Bucket, Value: signed(c.Effect) + " " + e.Unit}
		s.X, s.W = between(at, at+c.Effect)
		at += c.Effect
		list = append(list, s)
	}
	list = append(list, total("Predicted", e.Predicted))
	if observed, known := e.Observed.Get(); known {
		list = append(list, total("Measured", observed))
	}
	return list
}

func signed(v float64) string {
	if v < 0 {
		return "−" + number(round1(-v))
	}
	return "+" + number(round1(v))
}
