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

// appendContributions writes contributions as Mist does: the features beside what is
// expected. Each is rounded, and the expected makes up for it: what is written adds up to the
// prediction, rounded once.
func appendContributions(j *jsonText, c *insight.Contributions, ofItem bool) {
	j.number("expected", appendFeatures(j, c, ofItem))
}

// appendFeatures returns what the features leave of the prediction.
func appendFeatures(j *jsonText, c *insight.Contributions, ofItem bool) (expected millionths) {
	expected = toMillionths(c.Predicted())
	for _, part := range c.Features {
		value := toMillionths(part.Value)
		if value != 0 {
			j.number(featureName(part.Feature, ofItem), value)
		}
		expected -= value
	}
	return expected
}

// appendExplanation is ours: what Mist's schema has no place for. It is kept in one object, so
// that the numbers beside it still add up for whoever adds up all of them.
func appendExplanation(j *jsonText, e *insight.Explanation) {
	j.key("explanation")
	j.open('{')
	j.int("model_version", int64(e.ModelVersion))
	j.bool("factory", e.Factory)
	if confidence, known := e.Confidence.Get(); known {
		j.number("confidence", toMillionths(confidence))
	}
	if e.Gone {
		j.bool("model_gone", true)
	}
	if w := e.Worst; w != nil {
		observed := toMillionths(w.Observed)
		j.str("unit", w.Unit)
		j.number("observed", observed)
		j.key("contributions")
		j.open('{')
		expected := appendFeatures(j, &w.Contributions, false)
		j.close('}')
		predicted := toMillionths(w.Predicted())
		j.number("expected", expected)
		j.number("predicted", predicted)
		j.number("unexplained", observed-predicted)
		if c := w.Counterfactual; c != nil {
			j.key("counterfactual")
			j.open('{')
			j.str("feature", featureName(c.Feature, false))
			j.number("value", toMillionths(c.Value))
			j.close('}')
		}
	}
	j.close('}')
}
