package explain

import (
	"math"
	"slices"

	"callweave/internal/correlate"
)

// worst finds the target furthest beyond its threshold: by value, then the first. ratio is
// the value in units of the threshold; ok is false where nothing was measured.
func (m *Minutes) worst(row int, thresholds correlate.Thresholds) (t Target, ratio float32, ok bool) {
	for i, column := range &m.Media {
		if column == nil || !known(column[row]) {
			continue
		}
		if r := column[row] / Target(i).limit(thresholds); !ok || r > ratio {
			t, ratio, ok = Target(i), r, true
		}
	}
	return t, ratio, ok
}

// Verdict says why a minute was bad.
type Verdict struct {
	Bad    bool // nothing else is set unless it is
	Bucket correlate.Bucket
	// Target is what made the minute worst, and everything below is of it: ms for
	// latency, units of the threshold for jitter and loss.
	Target      Target
	Observed    float64
	Parts       Contributions
	Unexplained float64 // Observed less Parts.Predicted
	Top         [3]Feature
	NumTop      int     // how many of Top are blamed at all
	Confidence  float64 // that the bucket is the right one
}

// WithoutTop is what the minute would have been with the first of Top at its healthy
// value.
func (v *Verdict) WithoutTop() float64 {
	if v.NumTop == 0 {
		return v.Observed
	}
	return v.Observed - max(0, v.Parts.Feature[v.Top[0]])
}

// Judge appends a verdict for each row.
func (m *Model) Judge(dst []Verdict, in *Minutes, thresholds correlate.Thresholds) []Verdict {
	dst = slices.Grow(dst, in.Len())
	for from := 0; from < in.Len(); {
		to := from + 1
		for to < in.Len() && in.Leg[to] == in.Leg[from] {
			to++
		}
		dst = m.judgeLeg(dst, in, from, to, thresholds)
		from = to
	}
	return dst
}

func (m *Model) judgeLeg(dst []Verdict, in *Minutes, from, to int, thresholds correlate.Thresholds) []Verdict {
	detour, measured := 0.0, false
	for row := from; row < to; row++ {
		t, ratio, ok := in.worst(row, thresholds)
		if !ok || ratio <= 1 {
			dst = append(dst, Verdict{})
			continue
		}
		if !measured {
			detour, measured = m.detour(in, from, to), true
		}
		dst = append(dst, m.judge(in, row, t, thresholds, detour))
	}
	return dst
}

// detour is what a leg's tunnel adds to its latency beyond what tunnels usually do, in ms:
// what is always there and nothing else explains.
func (m *Model) detour(in *Minutes, from, to int) float64 {
	const fewest, share = 3, 0.25
	var left []float64
	usual := 0.0
	for row := from; row < to; row++ {
		if in.at(ClientVPNDistance, row) != 1 {
			continue
		}
		for d := range numDirections {
			t := Target(d * numMetrics)
			if in.Media[t] == nil || !known(in.Media[t][row]) {
				continue
			}
			c := m.Explain(in, row, t, m.Thresholds)
			left = append(left, float64(in.Media[t][row])-c.Predicted)
			usual = c.Feature[ClientVPNDistance]
		}
	}
	if len(left) < fewest {
		return 0
	}
	slices.Sort(left)
	return max(-usual, left[int(share*float64(len(left)))])
}

func (m *Model) judge(in *Minutes, row int, t Target, thresholds correlate.Thresholds, detour float64) Verdict {
	v := Verdict{Bad: true, Target: t, Observed: float64(in.Media[t][row])}
	limit := float64(t.limit(thresholds))
	unit := limit
	if t.Metric() != correlate.Latency {
		v.Observed /= limit
		unit = 1
	}
	v.Parts = m.Explain(in, row, t, thresholds)
	if t.Metric() == correlate.Latency && in.at(ClientVPNDistance, row) == 1 {
		v.Parts.Feature[ClientVPNDistance] += detour
		v.Parts.total()
	}
	v.Unexplained = v.Observed - v.Parts.Predicted
	v.rank()
	v.decide(in, row, unit, m.sums[t].spread)
	return v
}

// rank orders the features that made it worse.
func (v *Verdict) rank() {
	for f := range Feature(NumFeatures) {
		part := v.Parts.Feature[f]
		if part <= 0 {
			continue
		}
		at := v.NumTop
		for at > 0 && v.Parts.Feature[v.Top[at-1]] < part {
			at--
		}
		if at == len(v.Top) {
			continue
		}
		copy(v.Top[at+1:], v.Top[at:])
		v.Top[at] = f
		v.NumTop = min(v.NumTop+1, len(v.Top))
	}
}

// decide weighs the buckets against each other, in units of the threshold. What is left
// unexplained is the far end's as far as other legs suffer alike, else nobody's.
func (v *Verdict) decide(in *Minutes, row int, unit, spread float64) {
	score := map[correlate.Bucket]float64{}
	for f, part := range v.Parts.Feature {
		score[Feature(f).Bucket()] += part / unit
	}
	left := v.Unexplained / unit
	if in.Others != nil {
		score[FarEnd] = left * in.Others[row].suffer()
	}
	best, second := 0.0, 0.0
	v.Bucket = correlate.BucketUnknown
	for _, bucket := range [...]correlate.Bucket{Client, Wireless, SiteWAN, FarEnd} {
		switch s := score[bucket]; {
		case s > best:
			best, second, v.Bucket = s, best, bucket
		case s > second:
			second = s
		}
	}
	margin := best - second
	if v.Bucket != FarEnd {
		margin = min(margin, best-left/2)
	}
	v.Confidence = 0.5 * math.Erfc(-margin/(math.Sqrt2*max(0.02, spread/unit)))
	if best < 0.1 || margin < 0 {
		v.Bucket = correlate.BucketUnknown
	}
}

// suffer is the share of those legs that were bad which have no network in common with
// this one; of all others where all have.
func (o Others) suffer() float64 {
	if far := o.Legs - o.Near; far > 0 {
		return float64(o.Bad-o.NearBad) / float64(far)
	}
	if o.Legs == 0 {
		return 0
	}
	return float64(o.Bad) / float64(o.Legs)
}
