package insight

import (
	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/measure"
)

// Explanation is what a model says of one call minute. Each of its sums is exact: expected
// and the contributions add up to what is predicted.
type Explanation struct {
	ModelVersion int  // 0: the factory's
	Factory      bool // the model was not fitted to this org
	// Gone says that the model which chose the bucket is no more, as after an unlinking: this
	// is of the org's present one.
	Gone       bool
	Confidence measure.Value // in the minute's bucket, 0 to 1; unknown where it has none, as good ones
	// Odds is the model of a bad minute, in log-odds.
	Odds Contributions
	// Directions are the models of latency, in milliseconds, in the order audio_in, audio_out,
	// video_in, video_out; those in which nothing flowed are left out.
	Directions []DirectionLatency
	// Worst is the model of what made the minute worst, in the metric and direction that the
	// minute was judged by; nil for a minute that is not bad.
	Worst *WorstMetric
}

// DirectionLatency is the model of latency of one medium in one direction.
type DirectionLatency struct {
	Direction correlate.Direction
	Contributions
}

// Contributions are what a model adds up: what it expects of a good minute at the same
// place, and what each feature of this one adds, in the order of the model's features. What
// adds nothing is left out.
type Contributions struct {
	Expected float64
	Features []Contribution
}

// Contribution is what a feature adds, under its name in Mist's schema.
type Contribution struct {
	Feature string
	Value   float64
}

// Predicted is the sum.
func (c Contributions) Predicted() float64 {
	sum := c.Expected
	for _, contribution := range c.Features {
		sum += contribution.Value
	}
	return sum
}

// WorstMetric explains the metric and direction in which a minute was worst.
type WorstMetric struct {
	Unit     string // "ms" of latency; "threshold" of jitter and loss: 1 is the org's limit
	Observed float64
	Contributions
	Counterfactual *Counterfactual // nil where no feature made it worse
}

// Unexplained is what the features do not account for.
func (w *WorstMetric) Unexplained() float64 { return w.Observed - w.Predicted() }

// Counterfactual is what would have been observed, had the feature that is most to blame
// been healthy.
type Counterfactual struct {
	Feature string
	Value   float64 // in the unit of the metric
}

// The units of metrics.
const (
	UnitMS        = "ms"
	UnitThreshold = "threshold"
)

// BucketOf is where what a feature tells of is fixed; "unknown" for no feature of ours.
func BucketOf(feature string) string {
	for f := range explain.Feature(explain.NumFeatures) {
		if f.String() == feature {
			return string(f.Bucket())
		}
	}
	return string(correlate.BucketUnknown)
}
