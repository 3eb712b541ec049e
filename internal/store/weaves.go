package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// PendingWeaves lists meetings of an account that were read since they were last woven
// for the org and whose devices are known up to their end: those that ended first, by
// when they began. What was woven long ago costs nothing.
func (s *Store) PendingWeaves(ctx context.Context, ref provider.AccountRef, org uuid.UUID, limit int) ([]db.PendingWeavesRow, error) {
	rows, err := s.queries().PendingWeaves(ctx, db.PendingWeavesParams{
		OrgID: org, Provider: string(ref.Provider), AccountID: ref.AccountID, MaxRows: int32(limit),
	})
	return rows, notFound(err, "list pending weaves of %s", ref)
}

// CountPendingWeaves counts the meetings that are ready to be woven for the org, and
// those that wait for its device data.
func (s *Store) CountPendingWeaves(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (ready, waiting int, err error) {
	row, err := s.queries().CountPendingWeaves(ctx, string(ref.Provider), ref.AccountID, org)
	return int(row.Ready), int(row.Waiting), notFound(err, "count pending weaves of %s", ref)
}

// WeaveLegs lists the legs of some meetings.
func (s *Store) WeaveLegs(ctx context.Context, ref provider.AccountRef, meetings []string) ([]db.Leg, error) {
	rows, err := s.queries().WeaveLegs(ctx, string(ref.Provider), ref.AccountID, meetings)
	return rows, notFound(err, "list legs of %s", ref)
}

// WeaveSamples lists the media samples of some legs, all within [from, to) or near it,
// by leg and start.
func (s *Store) WeaveSamples(ctx context.Context, legs []int64, from, to time.Time) ([]db.MediaSample, error) {
	rows, err := s.queries().WeaveSamples(ctx, legs, from.Add(-beyondLeg), to.Add(beyondLeg))
	return rows, notFound(err, "list media samples")
}

// beyondLeg is how far from its leg a sample is looked for: minutes begin before the
// join, clocks differ. It only keeps a query to the partitions of a few days.
const beyondLeg = 24 * time.Hour

// WeaveLanding is one meeting woven for one org. Matches and minutes may be none: then
// nobody was on the org's network.
type WeaveLanding struct {
	provider.AccountRef
	OrgID     uuid.UUID
	MeetingID string
	Revision  int32
	// Provisional says that the meeting ran when it was read.
	Provisional bool
	Matches     []db.CopyMatchesParams
	Minutes     []db.CopyMinutesParams
}

// LandWeave replaces what was woven of a meeting for an org, in one transaction.
// It reports false, and changes nothing, where a newer revision is woven already.
// [ErrFenced] where the link is not active.
func (s *Store) LandWeave(ctx context.Context, landing WeaveLanding) (bool, error) {
	var span days
	for i := range landing.Minutes {
		span.add(landing.Minutes[i].StartAt)
	}
	if err := s.ensureDays(ctx, "call_minutes", span); err != nil {
		return false, err
	}
	landed := false
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireLink(ctx, q, landing.AccountRef, landing.OrgID); err != nil {
			return err
		}
		put, err := q.PutWeave(ctx, db.PutWeaveParams{
			OrgID: landing.OrgID, Provider: string(landing.Provider), AccountID: landing.AccountID, MeetingID: landing.MeetingID,
			Revision: landing.Revision, LegsMatched: int32(len(landing.Matches)), Minutes: int32(len(landing.Minutes)),
			Provisional: landing.Provisional,
		})
		if err != nil {
			return fmt.Errorf("put weave: %w", err)
		}
		if put == 0 {
			return nil
		}
		landed = true
		return replaceWoven(ctx, q, landing)
	})
	if err != nil {
		return false, fmt.Errorf("land weave of %s for %s: %w", landing.AccountRef, landing.OrgID, err)
	}
	return landed, nil
}

func replaceWoven(ctx context.Context, q *db.Queries, landing WeaveLanding) error {
	old, err := q.MatchesSpan(ctx, db.MatchesSpanParams{
		Provider: string(landing.Provider), AccountID: landing.AccountID, MeetingID: landing.MeetingID, OrgID: landing.OrgID,
	})
	if err != nil {
		return fmt.Errorf("read matches: %w", err)
	}
	if len(old.LegIds) > 0 {
		if err := q.DeleteMinutes(ctx, db.DeleteMinutesParams{
			OrgID: landing.OrgID, LegIds: old.LegIds, Earliest: old.FromAt.Add(-beyondLeg), Latest: old.ToAt.Add(beyondLeg),
		}); err != nil {
			return fmt.Errorf("delete minutes: %w", err)
		}
		if err := q.DeleteMatches(ctx, db.DeleteMatchesParams{
			Provider: string(landing.Provider), AccountID: landing.AccountID, MeetingID: landing.MeetingID, OrgID: landing.OrgID,
		}); err != nil {
			return fmt.Errorf("delete matches: %w", err)
		}
	}
	if _, err := q.CopyMatches(ctx, landing.Matches); err != nil {
		return fmt.Errorf("copy matches: %w", err)
	}
	if _, err := q.CopyMinutes(ctx, landing.Minutes); err != nil {
		return fmt.Errorf("copy minutes: %w", err)
	}
	return nil
}

// LinksOfOrg lists the accounts linked to an org by links that go on.
func (s *Store) LinksOfOrg(ctx context.Context, org uuid.UUID) ([]provider.AccountRef, error) {
	rows, err := s.queries().LinksOfOrg(ctx, org)
	refs := make([]provider.AccountRef, len(rows))
	for i, row := range rows {
		refs[i] = provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}
	}
	return refs, notFound(err, "list links of org %s", org)
}
