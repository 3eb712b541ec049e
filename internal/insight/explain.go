package insight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
// What a tunnel adds, and which samples speak for a minute, is told from a whole leg: the
// other minutes of the legs are read, too.
func (e *Explainer) Explain(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) ([]Explanation, error) {
	if len(minutes) == 0 {
		return nil, nil
	}
	row, err := e.store.Org(ctx, org)
	if err != nil {
		return nil, err
	}
	all, err := e.withLegs(ctx, org, minutes)
	if err != nil {
		return nil, err
	}
	legsOf := map[int]map[int64]bool{} // by the version that some of their minutes are asked of
	for i := range all.minutes {
		if all.asked[i] < 0 {
			continue
		}
		version, err := e.chosenBy(ctx, org, &all.minutes[i])
		if err != nil {
			return nil, err
		}
		all.versions[i] = version
		if legsOf[version] == nil {
			legsOf[version] = map[int64]bool{}
		}
		legsOf[version][all.minutes[i].LegID] = true
	}
	out := make([]Explanation, len(minutes))
	for version, legs := range legsOf {
		if err := e.explain(ctx, org, version, ThresholdsOf(&row), all, legs, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ThresholdsOf are the limits beyond which a minute of an org is bad.
func ThresholdsOf(org *db.Org) correlate.Thresholds {
	return correlate.Thresholds{LatencyMS: org.LatencyBadMs, JitterMS: org.JitterBadMs, LossRatio: org.LossBadRatio}
}

// legs are the minutes asked for among those of their legs, by leg and time.
type legs struct {
	minutes  []db.CallMinute
	asked    []int // place in what was asked for, or -1
	versions []int // of the model that explains what was asked for
	centers  map[int64]string
}

// withLegs adds the rest of the legs.
func (e *Explainer) withLegs(ctx context.Context, org uuid.UUID, minutes []db.CallMinute) (legs, error) {
	all := legs{minutes: slices.Clone(minutes), asked: make([]int, len(minutes))}
	type key struct {
		leg int64
		at  int64
	}
	have := make(map[key]bool, len(minutes))
	ids := map[int64]bool{}
	from, to := minutes[0].StartAt, minutes[0].StartAt
	for i := range minutes {
		m := &minutes[i]
		all.asked[i] = i
		have[key{m.LegID, m.StartAt.UnixMicro()}] = true
		ids[m.LegID] = true
		if m.StartAt.Before(from) {
			from = m.StartAt
		}
		if m.StartAt.After(to) {
			to = m.StartAt
		}
	}
	rest, err := e.store.LegMinutes(ctx, org, keysOf(ids), from.Add(-longestLeg), to.Add(longestLeg))
	if err != nil {
		return all, err
	}
	for i := range rest {
		if !have[key{rest[i].LegID, rest[i].StartAt.UnixMicro()}] {
			all.minutes, all.asked = append(all.minutes, rest[i]), append(all.asked, -1)
		}
	}
	order := make([]int, len(all.minutes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := &all.minutes[a], &all.minutes[b]
		return cmp.Or(cmp.Compare(x.LegID, y.LegID), x.StartAt.Compare(y.StartAt))
	})
	sorted := legs{minutes: make([]db.CallMinute, len(order)), asked: make([]int, len(order)), versions: make([]int, len(order))}
	for i, place := range order {
		sorted.minutes[i], sorted.asked[i] = all.minutes[place], all.asked[place]
	}
	sorted.centers, err = e.store.DataCenters(ctx, keysOf(ids))
	return sorted, err
}

// longestLeg bounds the search for the other minutes of a leg: what is farther away says
// nothing of a minute.
const longestLeg = 6 * time.Hour

func keysOf(set map[int64]bool) []int64 {
	keys := make([]int64, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
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

// explain fills in the explanations by one model, which is shown whole legs.
func (e *Explainer) explain(ctx context.Context, org uuid.UUID, version int, thresholds correlate.Thresholds, all legs, of map[int64]bool, out []Explanation) error {
	model, err := e.models.version(ctx, org, version)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	in, rows := newColumns(len(all.minutes)), make([]int, 0, len(all.minutes))
	for row := range all.minutes {
		if m := &all.minutes[row]; of[m.LegID] {
			in.append(m, all.centers[m.LegID])
			rows = append(rows, row)
		}
	}
	verdicts := model.Judge(nil, &in.Minutes, thresholds)
	var parts explain.Troubleshoot
	for i, row := range rows {
		place := all.asked[row]
		if place < 0 || all.versions[row] != version {
			continue
		}
		m := &all.minutes[row]
		x := &out[place]
		x.ModelVersion, x.Factory = version, model.Factory
		x.Gone = m.ModelVersion != nil && int(*m.ModelVersion) != version
		x.Confidence, _ = m.Confidence.Get()
		model.Troubleshoot(&parts, &in.Minutes, i)
		x.Odds = contributionsOf(&parts.Bad)
		x.Directions = directions(&parts, &in.Minutes, i)
		if v := &verdicts[i]; v.Bad && isBad(m) {
			x.Worst = worstOf(v)
		}
	}
	return nil
}

func directions(parts *explain.Troubleshoot, in *explain.Minutes, row int) map[string]Contributions {
	out := map[string]Contributions{}
	for i, direction := range []correlate.Direction{correlate.AudioIn, correlate.AudioOut, correlate.VideoIn, correlate.VideoOut} {
		t, _ := explain.TargetOf(direction, correlate.Latency)
		if v := in.Media[t][row]; v == v { // NaN: nothing flowed
			out[string(direction)] = contributionsOf(&parts.Latency[i])
		}
	}
	return out
}

// contributionsOf leaves out what adds nothing.
func contributionsOf(c *explain.Contributions) Contributions {
	out := Contributions{Expected: c.Expected, Features: map[string]float64{}}
	for f, part := range c.Feature {
		if part != 0 {
			out.Features[explain.Feature(f).String()] = part
		}
	}
	return out
}

func worstOf(v *explain.Verdict) *WorstMetric {
	w := &WorstMetric{Unit: UnitThreshold, Observed: v.Observed, Contributions: contributionsOf(&v.Parts)}
	if v.Target.Metric() == correlate.Latency {
		w.Unit = UnitMS
	}
	if v.NumTop > 0 {
		w.Counterfactual = &Counterfactual{Feature: v.Top[0].String(), Value: v.WithoutTop()}
	}
	return w
}
