package api

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// Explainer says what made call minutes as they were.
type Explainer interface {
	// Explain returns one explanation for each minute, in their order, by the org's model or
	// by the one that serves orgs with too little data.
	Explain(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) ([]Explanation, error)
}

// Explanation is what a model says of one call minute. Each sum is exact: expected and the
// contributions add up to what is predicted.
type Explanation struct {
	ModelVersion string
	Factory      bool    // the model was not fitted to this org
	Confidence   float64 // in the minute's bucket, 0 to 1
	// Odds is the model of a bad minute, in log-odds.
	Odds Contributions
	// Directions are the models of latency, in milliseconds, by audio_in, audio_out, video_in
	// and video_out; those in which nothing flowed are left out.
	Directions map[string]Contributions
	// Worst is the model of what made the minute worst, in the metric and direction that the
	// minute was judged by; nil for a minute that is not bad.
	Worst *WorstMetric
}

// Contributions are what a model adds up: what it expects of any minute, and what each
// feature of this one adds, under the names of Mist's schema.
type Contributions struct {
	Expected float64
	Features map[string]float64
}

// Predicted is the sum.
func (c Contributions) Predicted() float64 {
	sum := c.Expected
	for _, contribution := range c.Features {
		sum += contribution
	}
	return sum
}

// WorstMetric explains the metric and direction in which a minute was worst.
type WorstMetric struct {
	Unit     string // "ms" of latency; "threshold" of jitter and loss: 1 is the org's limit
	Observed float64
	Contributions
	Counterfactual *Counterfactual // nil where no feature would have changed anything
}

// Counterfactual is what would have been predicted had one feature had its healthy value.
type Counterfactual struct {
	Feature      string
	HealthyValue float64 // in the unit of the column that it is read from
	Predicted    float64 // in the unit of the metric
}

// The names of the WAN's features differ between Mist's schemas: those of a direction are
// the left ones, those of the item around it the right ones.
var wanNames = [...][2]string{ //nolint:gochecknoglobals // a constant in all but syntax
	{"wan_rtt", "site_wan_rtt"},
	{"wan_jitter", "site_wan_jitter"},
	{"wan_avg_download_mbps", "site_wan_avg_download_mbps"},
	{"wan_avg_upload_mbps", "site_wan_avg_upload_mbps"},
	{"wan_max_download_mbps", "site_wan_download_mbps"},
	{"wan_max_upload_mbps", "site_wan_upload_mbps"},
}

// featureName writes a feature as the item, or the direction, wants it, whichever of the two
// the model calls it by.
func featureName(name string, ofItem bool) string {
	if !strings.Contains(name, "wan_") {
		return name
	}
	for _, names := range wanNames {
		if name == names[0] || name == names[1] {
			if ofItem {
				return names[1]
			}
			return names[0]
		}
	}
	return name
}

// put writes contributions into an object as Mist does: the features beside what is expected.
func (c Contributions) put(object map[string]any, ofItem bool) {
	object["expected"] = c.Expected
	for name, contribution := range c.Features {
		object[featureName(name, ofItem)] = contribution
	}
}

// shown is ours: what Mist's schema has no place for. It is kept in one object, so that the
// numbers beside it still add up for whoever adds up all of them.
func (e *Explanation) shown() map[string]any {
	object := map[string]any{"model_version": e.ModelVersion, "factory": e.Factory, "confidence": e.Confidence}
	if e.Worst == nil {
		return object
	}
	contributions := make(map[string]float64, len(e.Worst.Features))
	for name, contribution := range e.Worst.Features {
		contributions[featureName(name, false)] = contribution
	}
	predicted := e.Worst.Predicted()
	object["unit"], object["observed"], object["predicted"], object["unexplained"] = e.Worst.Unit, e.Worst.Observed, predicted, e.Worst.Observed-predicted
	object["expected"], object["contributions"] = e.Worst.Expected, contributions
	if c := e.Worst.Counterfactual; c != nil {
		object["counterfactual"] = map[string]any{"feature": featureName(c.Feature, false), "healthy_value": c.HealthyValue, "predicted": c.Predicted}
	}
	return object
}
