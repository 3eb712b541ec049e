package console

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
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
	Contributions []Contribution
	Note          string // on the model, such as that it is the factory's
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
	list := []step{total("Usual here", e.Expected)}
	at := e.Expected
	for _, c := range largest(e.Contributions) {
		s := step{Label: c.Feature, Seen: c.Seen, Bucket: c.Bucket, Value: signed(c.Effect) + " " + e.Unit}
		s.X, s.W = between(at, at+c.Effect)
		at += c.Effect
		list = append(list, s)
	}
	list = append(list, total("Predicted", e.Predicted))
	if observed, known := e.Observed.Get(); known {
		rest := step{Label: "Not explained", Value: signed(observed-e.Predicted) + " " + e.Unit, Bucket: "unknown"}
		rest.X, rest.W = between(e.Predicted, observed)
		list = append(list, rest, total("Measured", observed))
	}
	return list
}

// contributionsShown bounds the rows of an explanation; what is small is summed up.
const contributionsShown = 6

func largest(all []Contribution) []Contribution {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Contribution) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	shown := min(len(sorted), contributionsShown)
	for shown > 0 && round1(sorted[shown-1].Effect) == 0 {
		shown--
	}
	rest := Contribution{Feature: "Everything else", Bucket: "unknown"}
	for _, c := range sorted[shown:] {
		rest.Effect += c.Effect
	}
	if round1(rest.Effect) == 0 {
		return sorted[:shown]
	}
	return append(sorted[:shown], rest)
}

// without says what the minute would have been if what added most had been healthy; "" where
// nothing did.
func without(e *Explanation) string {
	observed, known := e.Observed.Get()
	top := largest(e.Contributions)
	if !known || len(top) == 0 || top[0].Effect <= 0 {
		return ""
	}
	return fmt.Sprintf("Without the part of “%s” it would have been about %s %s.", top[0].Feature, plain(max(0, observed-top[0].Effect)), e.Unit)
}

func signed(v float64) string {
	if v < 0 {
		return "−" + number(round1(-v))
	}
	return "+" + number(round1(v))
}
