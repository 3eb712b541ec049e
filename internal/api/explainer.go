package api

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"callweave/internal/insight"
	"callweave/internal/store/db"
)

// Explainer says what made call minutes as they were.
type Explainer interface {
	// Explain returns one explanation for each minute, in their order, by the org's model or
	// by the one that serves orgs with too little data.
	Explain(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) ([]insight.Explanation, error)
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

// putContributions writes contributions into an object as Mist does: the features beside what
// is expected.
func putContributions(object map[string]any, c insight.Contributions, ofItem bool) {
	object["expected"] = c.Expected
	for name, contribution := range c.Features {
		object[featureName(name, ofItem)] = contribution
	}
}

// shownExplanation is ours: what Mist's schema has no place for. It is kept in one object, so
// that the numbers beside it still add up for whoever adds up all of them.
func shownExplanation(e *insight.Explanation) map[string]any {
	object := map[string]any{"model_version": e.ModelVersion, "factory": e.Factory, "confidence": e.Confidence}
	if e.Gone {
		object["model_gone"] = true
	}
	if e.Worst == nil {
		return object
	}
	contributions := make(map[string]float64, len(e.Worst.Features))
	for name, contribution := range e.Worst.Features {
		contributions[featureName(name, false)] = contribution
	}
	object["unit"], object["observed"], object["predicted"], object["unexplained"] = e.Worst.Unit, e.Worst.Observed, e.Worst.Predicted(), e.Worst.Unexplained()
	object["expected"], object["contributions"] = e.Worst.Expected, contributions
	if c := e.Worst.Counterfactual; c != nil {
		object["counterfactual"] = map[string]any{"feature": featureName(c.Feature, false), "value": c.Value}
	}
	return object
}
