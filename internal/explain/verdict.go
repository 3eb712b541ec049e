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
	Detour      float64 // ms, within Parts: what the leg's tunnel adds beyond what tunnels usually do
	Nearby      bool    // Bucket and Top are told by the samples before or after those of the minute
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

// JudgeRow is what a row by itself tells of its verdict: Target, Observed, Parts and
// Unexplained. Bucket, Top and Confidence are told among the other rows of the leg, by
// [Model.Judge], as is the detour, which is to be given; 0 without a tunnel.
func (m *Model) JudgeRow(in *Minutes, row int, thresholds correlate.Thresholds, detour float64) Verdict {
	t, ratio, ok := in.worst(row, thresholds)
	if !ok || ratio <= 1 {
		return Verdict{}
	}
	leg := leg{Model: m, in: in, from: row, to: row + 1, thresholds: thresholds, detour: detour}
	return leg.measure(row, t)
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
	return float64(float32(max(-usual, quiet[int(share*float64(len(quiet)))]))) // as it is stored
}

// quietMS is what all features but the tunnel may add to the latency of a minute in which
// nothing else is wrong.
const quietMS = 20

// measure fills in what was measured, and what the model makes of it.
func (l *leg) measure(row int, t Target) Verdict {
	v := Verdict{Bad: true, Target: t, Observed: float64(l.in.Media[t][row])}
	if t.Metric() != correlate.Latency {
		v.Observed /= float64(t.limit(l.thresholds))
	}
	v.Parts = l.parts(row, t)
	v.Unexplained = v.Observed - v.Parts.Predicted
	if l.tunnelled(row, t) {
		v.Detour = l.detour
	}
	return v
}

func (l *leg) judge(row int, t Target) Verdict {
	v := l.measure(row, t)
	unit := 1.0
	if t.Metric() == correlate.Latency {
		unit = float64(t.limit(l.thresholds))
	}
	v.rank(&v.Parts, l.in, row)
	suffer := l.suffering(row)
	spread := l.sums[t].spread
	v.decide(&v.Parts, suffer, unit, spread)
	if v.Bucket != correlate.BucketUnknown {
		return v
	}
	// A sample speaks for the time up to it: what it shows may be over when it is taken, or
	// have begun since. The samples beside it tell.
	for _, direction := range [...]int{-1, 1} {
		near, ok := l.otherSample(row, direction)
		if !ok {
			continue
		}
		w := v
		parts := l.parts(near, t)
		w.rank(&parts, l.in, near)
		w.decide(&parts, suffer, unit, spread)
		if w.Bucket != correlate.BucketUnknown && w.Bucket != FarEnd {
			w.Nearby = true
			return w
		}
	}
	return v
}

// suffering is how much of what is left unexplained may be the far end's: as far as the
// other legs suffer alike, now or around now. Alike need not be beyond the thresholds in
// each minute.
func (l *leg) suffering(row int) float64 {
	if l.in.Others == nil {
		return 0
	}
	const around = 240 // seconds
	n, sum := 0.0, 0.0
	for _, direction := range [...]int{-1, 1} {
		for at := row + direction; at >= l.from && at < l.to; at += direction {
			if away := l.in.StartAt[at] - l.in.StartAt[row]; max(away, -away) > around {
				break
			}
			n, sum = n+1, sum+l.in.Others[at].suffer()
		}
	}
	now := l.in.Others[row].suffer()
	return max(now, (sum+now)/(n+1))
}

// otherSample finds the nearest row of the leg, in a direction, for which other samples
// speak than for this one.
func (l *leg) otherSample(row, direction int) (int, bool) {
	for near := row + direction; near >= l.from && near < l.to; near += direction {
		away := l.in.StartAt[near] - l.in.StartAt[row]
		if max(away, -away) > farthestSample {
			return 0, false
		}
		if !l.in.sameSamples(row, near) {
			return near, true
		}
	}
	return 0, false
}

// farthestSample is how far away, in seconds, a sample may speak for a minute: somewhat
// more than the longest time between two.
const farthestSample = 660

// sameSamples reports whether two rows hold the same readings of the network.
func (m *Minutes) sameSamples(a, b int) bool {
	for f := range Feature(NumFeatures) {
		if f == ClientCPU || f == ClientVPNDistance || f == RadioAPChange {
			continue // not of a sample
		}
		x, y := m.at(f, a), m.at(f, b)
		if x != y && (x == x || y == y) {
			return false
		}
	}
	return true
}

// parts is a prediction with what the leg's tunnel adds.
func (l *leg) parts(row int, t Target) Contributions {
	c := l.Explain(l.in, row, t, l.thresholds)
	if l.tunnelled(row, t) {
		c.Feature[ClientVPNDistance] += l.detour
		c.total()
	}
	return c
}

func (l *leg) tunnelled(row int, t Target) bool {
	return t.Metric() == correlate.Latency && l.in.at(ClientVPNDistance, row) == 1
}

// rank orders the features that made it worse in a row. What is not known there is not
// blamed, though it adds what rows without it have.
func (v *Verdict) rank(parts *Contributions, in *Minutes, row int) {
	v.NumTop = 0
	for f := range Feature(NumFeatures) {
		part := parts.Feature[f]
		if part <= 0 || !known(in.at(f, row)) {
			continue
		}
		at := v.NumTop
		for at > 0 && parts.Feature[v.Top[at-1]] < part {
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
	// What is known here may do more than its samples show, before it is the far end.
	score[FarEnd] = (left - max(0, score[Client], score[Wireless], score[SiteWAN])) * suffer
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
	// What is blamed is known to its spread, and no better than to a part of itself.
	const part = 0.3
	off := math.Sqrt(spread*spread/(unit*unit) + part*part*(best*best+second*second))
	v.Confidence = 0.5 * math.Erfc((second-best)/(math.Sqrt2*max(0.02, off)))
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
