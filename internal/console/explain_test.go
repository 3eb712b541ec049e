package console //nolint:testpackage // the drawing is of the inside

import (
	"fmt"
	"math"
	"strconv"
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
