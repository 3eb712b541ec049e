package store

import (
	"context"
	"fmt"
	"slices"
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

// beyondLeg is how far from its leg a sample is looked for: minutes begin before the
// join, clocks differ. It only keeps a query to the partitions of a few days.
const beyondLeg = 24 * time.Hour

// WeaveLanding is one meeting woven for one org. Matches and minutes may be none: then
// nobody was on the org's network.
type WeaveLanding struct {
	MeetingID string
	Revision  int32
	// DevicesRevision is how often late devices had touched the meeting when it was listed.
	DevicesRevision int32
	// Provisional says that the meeting ran when it was read.
	Provisional bool
	// ThresholdsRevision is that of the org's thresholds that the minutes were judged by.
	ThresholdsRevision int32
	Matches            []db.CopyMatchesParams
	Minutes            []db.CallMinute
}

// LandWeaves replaces what was woven of some meetings of an account for an org, in one
// transaction. It returns which were landed: a meeting of which something newer is woven
// already is left as it is. lateMarks is the org's from before its devices were read:
// where late devices were looked through since, the meetings stay queued. [ErrFenced] where
// the link is not active.
func (s *Store) LandWeaves(ctx context.Context, ref provider.AccountRef, org uuid.UUID, lateMarks int64, landings []WeaveLanding) (landed map[string]bool, err error) {
	var span days
	for i := range landings {
		for j := range landings[i].Minutes {
			span.add(landings[i].Minutes[j].StartAt)
		}
	}
	if err := s.ensureDays(ctx, "call_minutes", span); err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx, q *db.Queries) error {
		if err := q.ShareLateDevices(ctx, org); err != nil {
			return fmt.Errorf("wait for late devices: %w", err)
		}
		if err := requireLink(ctx, q, ref, org); err != nil {
			return err
		}
		put, err := putWeaves(ctx, q, ref, org, lateMarks, landings)
		if err != nil {
			return fmt.Errorf("put weaves: %w", err)
		}
		landed = make(map[string]bool, len(put))
		for _, meeting := range put {
			landed[meeting] = true
		}
		if err := deleteWoven(ctx, q, ref, org, put); err != nil {
			return err
		}
		return copyWoven(ctx, tx, q, slices.DeleteFunc(slices.Clone(landings), func(l WeaveLanding) bool { return !landed[l.MeetingID] }))
	})
	if err != nil {
		return nil, fmt.Errorf("land weaves of %s for %s: %w", ref, org, err)
	}
	return landed, nil
}

// putWeaves notes what is woven; it serialises the weavers of each meeting.
func putWeaves(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID, lateMarks int64, landings []WeaveLanding) ([]string, error) {
	params := db.PutWeavesParams{OrgID: org, Provider: string(ref.Provider), AccountID: ref.AccountID, LateMarks: lateMarks}
	for i := range landings {
		l := &landings[i]
		params.MeetingIds = append(params.MeetingIds, l.MeetingID)
		params.Revisions = append(params.Revisions, l.Revision)
		params.DevicesRevisions = append(params.DevicesRevisions, l.DevicesRevision)
		params.LegsMatched = append(params.LegsMatched, int32(len(l.Matches)))
		params.Minutes = append(params.Minutes, int32(len(l.Minutes)))
		params.Provisional = append(params.Provisional, l.Provisional)
		params.ThresholdsRevisions = append(params.ThresholdsRevisions, l.ThresholdsRevision)
	}
	return q.PutWeaves(ctx, params)
}

// deleteWoven deletes what was woven of some meetings before. It looks after they were
// put, and so finds what a weaver left that was waited for.
func deleteWoven(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID, meetings []string) error {
	old, err := q.MatchesSpan(ctx, db.MatchesSpanParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, MeetingIds: meetings, OrgID: org,
	})
	if err != nil {
		return fmt.Errorf("read matches: %w", err)
	}
	if len(old.LegIds) == 0 {
		return nil
	}
	if err := q.DeleteMinutes(ctx, db.DeleteMinutesParams{
		OrgID: org, LegIds: old.LegIds, Earliest: old.FromAt.Add(-beyondLeg), Latest: old.ToAt.Add(beyondLeg),
	}); err != nil {
		return fmt.Errorf("delete minutes: %w", err)
	}
	if err := q.DeleteMatches(ctx, org, old.LegIds); err != nil {
		return fmt.Errorf("delete matches: %w", err)
	}
	return nil
}

func copyWoven(ctx context.Context, tx pgx.Tx, q *db.Queries, landings []WeaveLanding) error {
	var matches []db.CopyMatchesParams
	for i := range landings {
		matches = append(matches, landings[i].Matches...)
	}
	if len(matches) > 0 {
		if _, err := q.CopyMatches(ctx, matches); err != nil {
			return fmt.Errorf("copy matches: %w", err)
		}
	}
	return copyMinutes(ctx, tx, landings)
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
