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
	Limit         float64  // beyond which a minute is bad; 0: not known
	Healthy       *Healthy // nil where nothing made it worse
	Confidence    measure.Value
	ModelVersion  int  // 0: the factory's
	Factory       bool // what faults do was not learned from this organization
	Note          string
}

// Healthy is what would have been measured, had what is most to blame been healthy.
type Healthy struct {
	Feature string // as people call it
	Value   float64
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
	for _, c := range largest(e.Contributions, worthShowing*highest) {
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

// What is small is summed up: no explanation has more rows than contributionsShown, and none
// that is less than worthShowing of the longest bar.
const (
	contributionsShown = 6
	worthShowing       = 0.01
)

func largest(all []Contribution, least float64) []Contribution {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Contribution) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	shown := min(len(sorted), contributionsShown)
	for shown > 0 && (math.Abs(sorted[shown-1].Effect) < least || round1(sorted[shown-1].Effect) == 0) {
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

// without says what the minute would have been if what is most to blame had been healthy; ""
// where nothing is.
func without(e *Explanation) string {
	if e.Healthy == nil {
		return ""
	}
	value := max(0, e.Healthy.Value)
	text := fmt.Sprintf("Without the part of “%s” it would have been about %s %s", e.Healthy.Feature, plain(round1(value)), e.Unit)
	switch {
	case e.Limit == 0:
		return text + "."
	case value > e.Limit:
		return text + ", still beyond the limit of " + plain(e.Limit) + " " + e.Unit + "."
	}
	return text + ", within the limit of " + plain(e.Limit) + " " + e.Unit + "."
}

// modelOf says who explains, and how surely.
func modelOf(e *Explanation) string {
	text := fmt.Sprintf("By model %d, learned from your organization's own calls.", e.ModelVersion)
	switch {
	case e.ModelVersion == 0:
		text = "By the factory model, learned from simulated networks: too few calls of your organization are known yet."
	case e.Factory:
		text = fmt.Sprintf("By model %d: what is usual is learned from your organization's own calls, what faults do from simulated networks, because too few bad minutes are known yet.", e.ModelVersion)
	}
	if sure, known := e.Confidence.Get(); known {
		percent := plain(float64(int(100*sure+0.5))) + " %"
		if sure > 0.99 { // nothing here is certain
			percent = "more than 99 %"
		}
		return "Certainty of where to fix it: " + percent + ". " + text
	}
	return text
}

func signed(v float64) string {
	if v < 0 {
		return "−" + number(round1(-v))
	}
	return "+" + number(round1(v))
}
