package weave

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// maxJudged bounds how many meetings are judged anew at once.
const maxJudged = 500

// rejudge judges minutes anew whose org changed its thresholds since: from what is stored,
// without what they were woven from, which may be gone by then. The newest meetings first.
// A meeting whose judging fails keeps no other from it.
func (w *Weaver) rejudge(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, done func()) (meetings int, err error) {
	// The revision and the thresholds are of one row, and read before the meetings: what
	// changes later leaves them due.
	org, err := w.store.Org(ctx, orgID)
	if err != nil {
		return 0, err
	}
	ids, err := w.store.StaleVerdicts(ctx, ref, orgID, maxJudged)
	if err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		return 0, nil
	}
	var why explainer
	if why, err = w.explainer(ctx, orgID); err != nil {
		return 0, err
	}
	thresholds := insight.ThresholdsOf(&org)
	var failed error
	for _, id := range ids {
		others, err := w.othersOf(ctx, ref, id, thresholds)
		if err != nil {
			return meetings, err
		}
		judge := func(minutes []db.CallMinute) {
			for i := range minutes {
				judgeAnew(thresholds, &minutes[i])
			}
			others.judgeAnew(minutes)
			why.judge(thresholds, minutes, others.legs)
		}
		_, err = w.store.Rejudge(ctx, store.WovenMeeting{AccountRef: ref, OrgID: orgID, MeetingID: id}, org.ThresholdsRevision, judge)
		switch {
		case errors.Is(err, store.ErrFenced), ctx.Err() != nil:
			return meetings, err
		case err != nil && failed == nil:
			failed = err
		case err == nil:
			meetings++
		}
		done()
	}
	return meetings, failed
}

// bystanders are the legs of a meeting, and how they fared as far as that is still kept.
type bystanders struct {
	legs []leg
	batch
}

// othersOf reads how the legs of a meeting fared.
func (w *Weaver) othersOf(ctx context.Context, ref provider.AccountRef, meeting string, thresholds correlate.Thresholds) (bystanders, error) {
	o := bystanders{batch: batch{thresholds: thresholds}}
	rows, err := w.store.WeaveLegs(ctx, ref, []string{meeting})
	if err != nil || len(rows) == 0 {
		return o, err
	}
	ids := make([]int64, len(rows))
	from, to := rows[0].JoinAt, rows[0].JoinAt
	for i, row := range rows {
		ids[i] = row.LegID
		o.legs = append(o.legs, leg{Leg: row})
		if row.JoinAt.Before(from) {
			from = row.JoinAt
		}
		for _, at := range []*time.Time{&rows[i].JoinAt, row.LeaveAt} {
			if at != nil && at.After(to) {
				to = *at
			}
		}
	}
	return o, w.loadOthers(ctx, &o.batch, ids, from, to)
}

// judgeAnew counts the other legs of judged minutes by new thresholds. Where not all that
// were counted before are still known, minutes keep the counts that they have.
func (o *bystanders) judgeAnew(minutes []db.CallMinute) {
	before := slices.Clone(minutes)
	o.farEnd(minutes, o.legs)
	for i := range minutes {
		now, was := &minutes[i], &before[i]
		if now.OtherLegs != was.OtherLegs || now.OtherLegsNear != was.OtherLegsNear {
			now.OtherLegs, now.OtherLegsBad = was.OtherLegs, was.OtherLegsBad
			now.OtherLegsNear, now.OtherLegsNearBad = was.OtherLegsNear, was.OtherLegsNearBad
		}
	}
}

// judgeAnew changes a minute's verdict. A bad minute that is bad for the same reason as
// before keeps its bucket, unless a model says otherwise.
func judgeAnew(thresholds correlate.Thresholds, m *db.CallMinute) {
	verdict := thresholds.Judge(&provider.MediaSample{
		AudioIn:  provider.Stream{LatencyMS: m.AudioInLatencyMs, JitterMS: m.AudioInJitterMs, LossAvgRatio: m.AudioInLossRatio},
		AudioOut: provider.Stream{LatencyMS: m.AudioOutLatencyMs, JitterMS: m.AudioOutJitterMs, LossAvgRatio: m.AudioOutLossRatio},
		VideoIn:  provider.Stream{LatencyMS: m.VideoInLatencyMs, JitterMS: m.VideoInJitterMs, LossAvgRatio: m.VideoInLossRatio},
		VideoOut: provider.Stream{LatencyMS: m.VideoOutLatencyMs, JitterMS: m.VideoOutJitterMs, LossAvgRatio: m.VideoOutLossRatio},
	})
	same := m.Bad != nil && verdict.Bad != nil && *m.Bad && *verdict.Bad &&
		m.WorstDirection == string(verdict.Direction) && m.WorstMetric == string(verdict.Metric)
	m.Bad, m.WorstDirection, m.WorstMetric = verdict.Bad, string(verdict.Direction), string(verdict.Metric)
	if !same {
		m.Bucket = string(verdict.Bucket)
		m.ModelVersion, m.TopFeatures, m.Confidence, m.DetourMs = nil, nil, measure.Value{}, measure.Value{}
	}
}

// explainer is the model that says why an org's minutes are bad; none where model is nil.
type explainer struct {
	model   *explain.Model
	version int
}

func (w *Weaver) explainer(ctx context.Context, org uuid.UUID) (e explainer, err error) {
	if w.models != nil {
		e.model, e.version, err = w.models.Newest(ctx, org)
	}
	return e, err
}

// judge gives the bad minutes of a meeting their buckets.
func (e explainer) judge(thresholds correlate.Thresholds, minutes []db.CallMinute, legs []leg) {
	if e.model == nil {
		return
	}
	centers := make(map[int64]string, len(legs))
	for i := range legs {
		centers[legs[i].LegID] = legs[i].DataCenter
	}
	insight.Judge(e.model, e.version, thresholds, minutes, centers)
}
