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
	Nearby      bool    // Bucket and Top are told by the samples of the minute before or after
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
	leg := leg{Model: m, in: in, from: from, to: to, thresholds: thresholds}
	for row := from; row < to; row++ {
		t, ratio, ok := in.worst(row, thresholds)
		if !ok || ratio <= 1 {
			dst = append(dst, Verdict{})
			continue
		}
		if !leg.measured {
			leg.detour, leg.measured = leg.measureDetour(), true
		}
		dst = append(dst, leg.judge(row, t))
	}
	return dst
}

// leg is the rows of one leg.
type leg struct {
	*Model
	in         *Minutes
	from, to   int
	thresholds correlate.Thresholds
	detour     float64 // ms
	measured   bool
}

// measureDetour is what a leg's tunnel adds to its latency beyond what tunnels usually do,
// in ms: what is always there and nothing else explains. Minutes in which something else
// is wrong, here or at the far end, have no say.
func (l *leg) measureDetour() float64 {
	const fewest, share = 4, 0.25
	var quiet []float64
	usual := 0.0
	for row := l.from; row < l.to; row++ {
		if l.in.at(ClientVPNDistance, row) != 1 || l.in.Others != nil && l.in.Others[row].suffer() >= 0.5 {
			continue
		}
		for d := range numDirections {
			t := Target(d * numMetrics)
			if l.in.Media[t] == nil || !known(l.in.Media[t][row]) {
				continue
			}
			c := l.Explain(l.in, row, t, l.Thresholds)
			usual = c.Feature[ClientVPNDistance]
			if c.Predicted-c.Expected-usual < quietMS {
				quiet = append(quiet, float64(l.in.Media[t][row])-c.Predicted)
			}
		}
	}
	if len(quiet) < fewest {
		return 0
	}
	slices.Sort(quiet)
	return max(-usual, quiet[int(share*float64(len(quiet)))])
}

// quietMS is what all features but the tunnel may add to the latency of a minute in which
// nothing else is wrong.
const quietMS = 20

func (l *leg) judge(row int, t Target) Verdict {
	v := Verdict{Bad: true, Target: t, Observed: float64(l.in.Media[t][row])}
	limit := float64(t.limit(l.thresholds))
	unit := limit
	if t.Metric() != correlate.Latency {
		v.Observed /= limit
		unit = 1
	}
	v.Parts = l.parts(row, t)
	v.Unexplained = v.Observed - v.Parts.Predicted
	v.rank(&v.Parts)
	suffer := 0.0
	if l.in.Others != nil {
		suffer = l.in.Others[row].suffer()
	}
	spread := l.sums[t].spread
	v.decide(&v.Parts, suffer, unit, spread)
	if v.Bucket != correlate.BucketUnknown {
		return v
	}
	// Samples are dated to a minute or so: what was seen just before or after may have
	// begun earlier or lasted longer.
	for _, near := range [...]int{row + 1, row - 1} {
		if near < l.from || near >= l.to || max(l.in.StartAt[near]-l.in.StartAt[row], l.in.StartAt[row]-l.in.StartAt[near]) > nearby {
			continue
		}
		w := v
		parts := l.parts(near, t)
		w.rank(&parts)
		w.decide(&parts, suffer, unit, spread)
		if w.Bucket != correlate.BucketUnknown && w.Bucket != FarEnd {
			w.Nearby = true
			return w
		}
	}
	return v
}

// nearby is how far, in seconds, a minute may be whose samples speak for another.
const nearby = 90

// parts is a prediction with what the leg's tunnel adds.
func (l *leg) parts(row int, t Target) Contributions {
	c := l.Explain(l.in, row, t, l.thresholds)
	if t.Metric() == correlate.Latency && l.in.at(ClientVPNDistance, row) == 1 {
		c.Feature[ClientVPNDistance] += l.detour
		c.total()
	}
	return c
}

// rank orders the features that made it worse.
func (v *Verdict) rank(parts *Contributions) {
	v.NumTop = 0
	for f := range Feature(NumFeatures) {
		part := parts.Feature[f]
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

const (
	leastScore = 0.1  // in units of the threshold: a bucket that adds less is not blamed
	leastShare = 0.15 // of what is left unexplained: a bucket that adds less is not blamed either
)

// decide weighs the buckets against each other, in units of the threshold. What is left
// unexplained is the far end's as far as other legs suffer alike, else nobody's.
func (v *Verdict) decide(parts *Contributions, suffer, unit, spread float64) {
	score := map[correlate.Bucket]float64{}
	for f, part := range parts.Feature {
		score[Feature(f).Bucket()] += part / unit
	}
	left := (v.Observed - parts.Predicted) / unit
	score[FarEnd] = left * suffer
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
	if v.Bucket != FarEnd {
		second = max(second, left*leastShare)
	}
	v.Confidence = 0.5 * math.Erfc((second-best)/(math.Sqrt2*max(0.02, spread/unit)))
	if best < leastScore || best < second {
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
