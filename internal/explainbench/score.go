package explainbench

import (
	"slices"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/world"
)

// Answer is what a right explanation of a cause says.
type Answer struct {
	Cause    world.Cause
	Bucket   correlate.Bucket
	Features []explain.Feature // any of them; none where no feature is to blame
}

// Answers lists the causes with what counts as right.
func Answers() []Answer {
	return []Answer{
		{world.CauseRadioCrowded, explain.Wireless, []explain.Feature{explain.RadioUtil, explain.APNumClients}},
		{world.CauseInterference, explain.Wireless, []explain.Feature{explain.RadioUtilInterference}},
		{world.CauseWeakSignal, explain.Wireless, []explain.Feature{explain.ClientRSSI}},
		{world.CauseWANLatency, explain.SiteWAN, []explain.Feature{explain.WANRTT}},
		{world.CauseWANJitter, explain.SiteWAN, []explain.Feature{explain.WANJitter}},
		{world.CauseWANSaturated, explain.SiteWAN, []explain.Feature{explain.WANAvgUploadMbps, explain.WANAvgDownloadMbps, explain.WANRTT, explain.WANLoss}},
		{world.CauseClientCPU, explain.Client, []explain.Feature{explain.ClientCPU}},
		{world.CauseVPNDistance, explain.Client, []explain.Feature{explain.ClientVPNDistance}},
		{world.CauseFarEnd, explain.FarEnd, nil},
	}
}

// Guess is what somebody says of a bad minute: the first feature is the most to blame.
type Guess struct {
	Bucket   correlate.Bucket
	Features []explain.Feature
}

// Score counts how often guesses were right.
type Score struct {
	Rows, Bucket, Top, Top2, Unknown int
}

// Add counts one guess.
func (s *Score) Add(g Guess, a Answer) {
	s.Rows++
	if g.Bucket == correlate.BucketUnknown {
		s.Unknown++
	}
	right := g.Bucket == a.Bucket
	if right {
		s.Bucket++
	}
	if len(a.Features) == 0 { // far end: the bucket says all
		if right {
			s.Top++
			s.Top2++
		}
		return
	}
	if g.Bucket == correlate.BucketUnknown || g.Bucket == explain.FarEnd {
		return
	}
	for i, f := range g.Features[:min(2, len(g.Features))] {
		if slices.Contains(a.Features, f) {
			s.Top2++
			if i == 0 {
				s.Top++
			}
			return
		}
	}
}

// GuessOf is what a verdict says.
func GuessOf(v *explain.Verdict) Guess {
	return Guess{Bucket: v.Bucket, Features: v.Top[:v.NumTop]}
}
