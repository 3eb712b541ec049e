package insight

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// Explainer explains stored call minutes, each by the model that chose its bucket. Safe for
// concurrent use.
type Explainer struct {
	store  *store.Store
	models *Models
}

// NewExplainer builds an explainer.
func NewExplainer(s *store.Store, models *Models) *Explainer {
	return &Explainer{store: s, models: models}
}

// Explain returns one explanation for each call minute of an org, in their order.
//
// What a tunnel adds, and which samples speak for a minute, is told from a whole leg and
// stored with the bucket; the other minutes of a leg are read only where that is not.
func (e *Explainer) Explain(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) ([]Explanation, error) {
	if len(minutes) == 0 {
		return nil, nil
	}
	basis, err := e.store.ExplanationBasis(ctx, org, legsOf(minutes))
	if err != nil {
		return nil, err
	}
	work := explaining{
		org: org, minutes: minutes, versions: make([]int, len(minutes)), centers: make(map[int64]string, len(basis.LegIds)),
		thresholds: correlate.Thresholds{LatencyMS: basis.LatencyBadMs, JitterMS: basis.JitterBadMs, LossRatio: basis.LossBadRatio},
		out:        make([]Explanation, len(minutes)),
		parts:      shelf{make([]Contribution, 0, partsOfMinute*len(minutes))},
	}
	for i, leg := range basis.LegIds {
		work.centers[leg] = basis.DataCenters[i]
	}
	byVersion, err := e.byVersion(ctx, &work)
	if err != nil {
		return nil, err
	}
	var open []int
	for version, places := range byVersion {
		model, err := e.models.version(ctx, org, version)
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		open = append(open, work.alone(model, version, places)...)
	}
	if len(open) == 0 {
		return work.out, nil
	}
	return work.out, e.amongLegs(ctx, &work, open)
}

// explaining is one call of Explain.
type explaining struct {
	org        uuid.UUID
	minutes    []db.CallMinute
	versions   []int            // of the models that explain them
	centers    map[int64]string // by leg
	thresholds correlate.Thresholds
	out        []Explanation
	parts      shelf
}

// byVersion groups the minutes by the model that explains them.
func (e *Explainer) byVersion(ctx context.Context, work *explaining) (map[int][]int, error) {
	const none = -1
	places, chosen := map[int][]int{}, map[int32]int{}
	for i := range work.minutes {
		by := int32(none)
		if version := work.minutes[i].ModelVersion; version != nil {
			by = *version
		}
		version, known := chosen[by]
		if !known {
			var err error
			if version, err = e.chosenBy(ctx, work.org, &work.minutes[i]); err != nil {
				return nil, err
			}
			chosen[by] = version
		}
		work.versions[i] = version
		places[version] = append(places[version], i)
	}
	return places, nil
}

// alone explains minutes by one model from their own rows, and returns those bad ones in
// which the other minutes of their legs have a say.
func (work *explaining) alone(model *explain.Model, version int, places []int) (open []int) {
	in := newColumns(len(places))
	for _, place := range places {
		m := &work.minutes[place]
		in.append(m, work.centers[m.LegID])
	}
	var parts explain.Troubleshoot
	for row, place := range places {
		m, x := &work.minutes[place], &work.out[place]
		x.ModelVersion, x.Factory = version, model.Factory
		x.Gone = m.ModelVersion != nil && int(*m.ModelVersion) != version
		x.Confidence = m.Confidence
		model.Troubleshoot(&parts, &in.Minutes, row)
		x.Odds = work.parts.of(&parts.Bad)
		x.Directions = work.directions(&parts, &in.Minutes, row)
		if !isBad(m) {
			continue
		}
		verdict := model.JudgeRow(&in.Minutes, row, work.thresholds, m.DetourMs.Or(0))
		switch {
		case !verdict.Bad: // by limits that it was not yet judged by
		case settled(m, &verdict, version):
			x.Worst = work.worst(&verdict, m.TopFeatures)
		default:
			open = append(open, place)
		}
	}
	return open
}

// settled reports whether what the other minutes of its leg say of a bad minute is stored: the
// features that are most to blame and what a tunnel adds, by the same model and of the same
// metric.
func settled(m *db.CallMinute, v *explain.Verdict, version int) bool {
	return m.ModelVersion != nil && int(*m.ModelVersion) == version && (m.DetourMs.Known() || !tunnelled(m, v.Target)) &&
		m.WorstDirection == string(v.Target.Direction()) && m.WorstMetric == string(v.Target.Metric())
}

// ThresholdsOf are the limits beyond which a minute of an org is bad.
func ThresholdsOf(org *db.Org) correlate.Thresholds {
	return correlate.Thresholds{LatencyMS: org.LatencyBadMs, JitterMS: org.JitterBadMs, LossRatio: org.LossBadRatio}
}

// chosenBy is the version of the model that judged a minute, where it is still there, and of
// the org's newest otherwise.
func (e *Explainer) chosenBy(ctx context.Context, org uuid.UUID, m *db.CallMinute) (int, error) {
	if m.ModelVersion != nil {
		_, err := e.models.version(ctx, org, int(*m.ModelVersion))
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return int(*m.ModelVersion), err
		}
	}
	_, version, err := e.models.Newest(ctx, org)
	return version, err
}
