package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// Bounds of thresholds: beyond them one can only be a mistake in the unit.
const (
	MaxThresholdMS    = 60_000
	MaxThresholdRatio = 1
)

// ValidThreshold reports whether a limit is one: greater than 0, also as it is stored, and
// not beyond what its unit allows.
func ValidThreshold(value, most float64) bool { return float32(value) > 0 && value <= most }

// ThresholdChange is what becomes of an org's thresholds; unknown values stay as they are.
type ThresholdChange struct {
	LatencyMS measure.Value
	JitterMS  measure.Value
	LossRatio measure.Value
}

// SetThresholds changes what makes a minute of the org bad, and notes who did. From then on
// every minute that is stored is due to be judged anew ([Store.StaleVerdicts]). It reports
// false where nothing changed; [ErrNotFound] where there is no such org.
func (s *Store) SetThresholds(ctx context.Context, org uuid.UUID, change ThresholdChange, actor string) (bool, error) {
	changed := false
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		before, err := q.Org(ctx, org)
		if err != nil {
			return notFound(err, "org %s", org)
		}
		rows, err := q.SetThresholds(ctx, db.SetThresholdsParams{
			LatencyBadMs: change.LatencyMS, JitterBadMs: change.JitterMS, LossBadRatio: change.LossRatio, OrgID: org,
		})
		if err != nil || rows == 0 {
			return notFound(err, "org %s", org)
		}
		changed = true
		after, err := q.Org(ctx, org)
		if err != nil {
			return notFound(err, "org %s", org)
		}
		return audit(ctx, q, Entry{OrgID: &org, Actor: actor, Action: "thresholds set", Detail: map[string]any{
			"latency_ms": []float32{before.LatencyBadMs, after.LatencyBadMs}, "jitter_ms": []float32{before.JitterBadMs, after.JitterBadMs},
			"loss_ratio": []float32{before.LossBadRatio, after.LossBadRatio},
		}})
	})
	if err != nil {
		return false, fmt.Errorf("set thresholds: %w", err)
	}
	return changed, nil
}

// StaleVerdicts lists meetings whose minutes were judged by earlier thresholds of the org,
// the newest first.
func (s *Store) StaleVerdicts(ctx context.Context, ref provider.AccountRef, org uuid.UUID, limit int) ([]string, error) {
	ids, err := s.queries().StaleVerdicts(ctx, db.StaleVerdictsParams{
		OrgID: org, Provider: string(ref.Provider), AccountID: ref.AccountID, MaxRows: int32(limit),
	})
	return ids, notFound(err, "list stale verdicts of %s", ref)
}

// CountStaleVerdicts counts them; with the zero ref, those of all the org's accounts.
func (s *Store) CountStaleVerdicts(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (int, error) {
	n, err := s.queries().CountStaleVerdicts(ctx, org, ref.AccountID, string(ref.Provider))
	return int(n), notFound(err, "count stale verdicts of org %s", org)
}

// WovenMeeting is a meeting as it was woven for an org.
type WovenMeeting struct {
	provider.AccountRef
	OrgID     uuid.UUID
	MeetingID string
}

// Rejudge has the minutes of a meeting judged anew, in one transaction that no landing of
// it crosses: judge changes what it judges by of the
// rows it is given, and those that differ are stored. It does nothing where the meeting is
// judged by these thresholds or later ones, or is gone. revision is that of the thresholds
// that judge goes by; a later one leaves the meeting due. [ErrFenced] where the link is not
// active.
func (s *Store) Rejudge(ctx context.Context, m WovenMeeting, revision int32, judge func([]db.CallMinute)) (changed int, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireLink(ctx, q, m.AccountRef, m.OrgID); err != nil {
			return err
		}
		judgedBy, err := q.LockWeave(ctx, db.LockWeaveParams{
			Provider: string(m.Provider), AccountID: m.AccountID, MeetingID: m.MeetingID, OrgID: m.OrgID,
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock weave: %w", err)
		}
		if judgedBy >= revision {
			return nil
		}
		if changed, err = rejudge(ctx, q, m, judge); err != nil {
			return err
		}
		err = q.NoteJudged(ctx, db.NoteJudgedParams{
			ThresholdsRevision: revision, Provider: string(m.Provider), AccountID: m.AccountID, MeetingID: m.MeetingID, OrgID: m.OrgID,
		})
		if err != nil {
			return fmt.Errorf("note verdicts: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("judge meeting of %s for %s: %w", m.AccountRef, m.OrgID, err)
	}
	return changed, nil
}

func rejudge(ctx context.Context, q *db.Queries, m WovenMeeting, judge func([]db.CallMinute)) (int, error) {
	span, err := q.MatchesSpan(ctx, db.MatchesSpanParams{
		Provider: string(m.Provider), AccountID: m.AccountID, MeetingIds: []string{m.MeetingID}, OrgID: m.OrgID,
	})
	if err != nil {
		return 0, fmt.Errorf("read matches: %w", err)
	}
	if len(span.LegIds) == 0 {
		return 0, nil
	}
	params := db.SetVerdictsParams{OrgID: m.OrgID, Earliest: span.FromAt.Add(-beyondLeg), Latest: span.ToAt.Add(beyondLeg)}
	minutes, err := q.JudgedMinutes(ctx, db.JudgedMinutesParams{
		OrgID: m.OrgID, LegIds: span.LegIds, Earliest: params.Earliest, Latest: params.Latest,
	})
	if err != nil {
		return 0, fmt.Errorf("read minutes: %w", err)
	}
	before := make([]verdict, len(minutes))
	for i := range minutes {
		before[i] = verdictOf(&minutes[i])
	}
	judge(minutes)
	for i := range minutes {
		now := verdictOf(&minutes[i])
		if now == before[i] {
			continue
		}
		params.LegIds, params.StartAts = append(params.LegIds, minutes[i].LegID), append(params.StartAts, minutes[i].StartAt)
		params.Measured, params.Bads = append(params.Measured, now.judged != unmeasured), append(params.Bads, now.judged == bad)
		params.WorstDirections, params.WorstMetrics = append(params.WorstDirections, now.direction), append(params.WorstMetrics, now.metric)
		params.Buckets, params.ModelVersions = append(params.Buckets, now.bucket), append(params.ModelVersions, now.model)
		params.Confidences, params.TopFeatures = append(params.Confidences, float32(now.confidence.Or(0))), append(params.TopFeatures, now.features)
		params.DetoursMs = append(params.DetoursMs, float32(now.detour.Or(math.NaN())))
		params.OthersBad = append(params.OthersBad, float32(now.others.Or(-1)))
		params.NearBad = append(params.NearBad, float32(now.near.Or(-1)))
	}
	if len(params.LegIds) == 0 {
		return 0, nil
	}
	changed, err := q.SetVerdicts(ctx, params)
	if err != nil {
		return 0, fmt.Errorf("set verdicts: %w", err)
	}
	return int(changed), nil
}

// badness is what a minute was judged to be.
type badness uint8

const (
	unmeasured badness = iota
	good
	bad
)

// verdict is what judging says of a minute.
type verdict struct {
	judged                    badness
	direction, metric, bucket string
	model                     int32 // -1: nothing explained it
	features                  string
	confidence, detour        measure.Value
	others, near              measure.Value
}

func verdictOf(m *db.CallMinute) verdict {
	v := verdict{
		direction: m.WorstDirection, metric: m.WorstMetric, bucket: m.Bucket,
		model: -1, features: strings.Join(m.TopFeatures, ","), confidence: m.Confidence, detour: m.DetourMs,
		others: m.OtherLegsBad, near: m.OtherLegsNearBad,
	}
	if m.Bad != nil {
		v.judged = good
		if *m.Bad {
			v.judged = bad
		}
	}
	if m.ModelVersion != nil {
		v.model = *m.ModelVersion
	}
	return v
}
