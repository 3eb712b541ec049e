package insight

import (
	"callweave/internal/correlate"
	"callweave/internal/explain"
)

// partsOfMinute is how many contributions an explanation has about: of six sums.
const partsOfMinute = 6 * 12

// shelf holds the contributions of many explanations.
type shelf struct{ parts []Contribution }

// of leaves out what adds nothing.
func (s *shelf) of(c *explain.Contributions) Contributions {
	from := len(s.parts)
	for f, part := range c.Feature {
		if part != 0 {
			s.parts = append(s.parts, Contribution{Feature: explain.Feature(f).String(), Value: part})
		}
	}
	return Contributions{Expected: c.Expected, Features: s.parts[from:len(s.parts):len(s.parts)]}
}

func (work *explaining) directions(parts *explain.Troubleshoot, in *explain.Minutes, row int) []DirectionLatency {
	out := make([]DirectionLatency, 0, len(parts.Latency))
	for i, direction := range [...]correlate.Direction{correlate.AudioIn, correlate.AudioOut, correlate.VideoIn, correlate.VideoOut} {
		t, _ := explain.TargetOf(direction, correlate.Latency)
		if v := in.Media[t][row]; v == v { // NaN: nothing flowed
			out = append(out, DirectionLatency{Direction: direction, Contributions: work.parts.of(&parts.Latency[i])})
		}
	}
	return out
}

// worst is what made a minute worst, with the features that are most to blame.
func (work *explaining) worst(v *explain.Verdict, top []string) *WorstMetric {
	w := &WorstMetric{Unit: UnitThreshold, Observed: v.Observed, Contributions: work.parts.of(&v.Parts)}
	if v.Target.Metric() == correlate.Latency {
		w.Unit = UnitMS
	}
	if len(top) == 0 {
		return w
	}
	w.Counterfactual = &Counterfactual{Feature: top[0], Value: v.Observed}
	for _, part := range w.Features {
		if part.Feature == top[0] {
			w.Counterfactual.Value -= max(0, part.Value)
		}
	}
	return w
}
