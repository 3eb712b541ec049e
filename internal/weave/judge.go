package weave

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"callweave/internal/correlate"
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
	thresholds := thresholdsOf(org)
	judge := func(minutes []db.CallMinute) {
		for i := range minutes {
			judgeAnew(thresholds, &minutes[i])
		}
	}
	var failed error
	for _, id := range ids {
		_, err := w.store.Rejudge(ctx, store.WovenMeeting{AccountRef: ref, OrgID: orgID, MeetingID: id}, org.ThresholdsRevision, judge)
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

func thresholdsOf(org db.Org) correlate.Thresholds {
	return correlate.Thresholds{LatencyMS: org.LatencyBadMs, JitterMS: org.JitterBadMs, LossRatio: org.LossBadRatio}
}

// judgeAnew changes a minute's verdict. A bad minute that is bad for the same reason as
// before keeps its bucket.
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
	}
}
