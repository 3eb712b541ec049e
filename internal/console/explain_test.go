package console //nolint:testpackage // the drawing is of the inside

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"callweave/internal/measure"
)

// The bars stand end to end: from what is usual, by every contribution, to what was measured.
func TestAnExplanationIsDrawnWhole(t *testing.T) {
	t.Parallel()
	e := &Explanation{What: "Delay", Unit: "ms", Expected: 40, Predicted: 40, Observed: measure.Of(180)}
	for i, effect := range []float64{-8, 60, 30, 12, 11, 10.5, 0.25, 0.25, 0.5, 3.5} {
		e.Contributions = append(e.Contributions, Contribution{Feature: fmt.Sprint("f", i), Bucket: "wireless", Effect: effect})
		e.Predicted += effect
	}
	rows := steps(e)
	if len(rows) != contributionsShown+5 { // usual, everything else, predicted, not explained, measured
		t.Fatalf("%d rows: %+v", len(rows), rows)
	}
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	end := number(rows[0].W)
	for _, row := range rows[1 : len(rows)-3] {
		from, to := number(row.X), number(row.X)+number(row.W)
		switch {
		case math.Abs(from-end) < 0.7:
			end = to
		case math.Abs(to-end) < 0.7: // it took something off
			end = from
		default:
			t.Errorf("%s from %v to %v does not touch %v", row.Label, from, to, end)
		}
	}
	if predicted := number(rows[len(rows)-3].W); math.Abs(end-predicted) > 1 {
		t.Errorf("the contributions end at %v, predicted is %v", end, predicted)
	}
	if got := without(e); got != "" {
		t.Errorf("nothing is to blame, and yet %q", got)
	}
	e.Healthy, e.Limit = &Healthy{Feature: "f1", Value: 120}, 150
	if got, want := without(e), "Without the part of “f1” it would have been about 120 ms, within the limit of 150 ms."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if steps(nil) != nil {
		t.Error("nothing is drawn as something")
	}
}

// Whoever reads an explanation is told who says so: a factory's model never passes for what
// was learned from the organization itself.
func TestAnExplanationNamesItsModel(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*Explanation{
		"By the factory model, learned from simulated":                                                 {Factory: true},
		"By model 4, learned from your organization's own calls.":                                      {ModelVersion: 4},
		"By model 4: what is usual is learned from your organization's own calls, what faults do from": {ModelVersion: 4, Factory: true},
		"Certainty of where to fix it: 87 %. By model 4,":                                              {ModelVersion: 4, Confidence: measure.Of(0.8651)},
		"Certainty of where to fix it: more than 99 %. By model 4,":                                    {ModelVersion: 4, Confidence: measure.Of(0.998)},
	} {
		if got := modelOf(e); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLongNamesKeepTheirEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		most int
		want string
	}{{"ap-köln-07", 10, "ap-köln-07"}, {"ap-köln-07", 5, "…n-07"}, {"ap-köln-07", 2, ""}, {"a", -3, ""}} {
		if got := shortened(c.name, c.most); got != c.want {
			t.Errorf("%q in %d letters: %q, want %q", c.name, c.most, got, c.want)
		}
	}
}
