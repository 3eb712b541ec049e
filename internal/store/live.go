package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// liveMemory is after how long without being seen a meeting that ran is read as one that
// ended: Zoom lists it within minutes of its end, if at all.
const liveMemory = 24 * time.Hour

// LiveBudget says whether the links of an account want to see its meetings run, and whether
// the UTC day's budget has room for what will be read again when they have ended: live data
// may be read while less than half of it is spent.
func (s *Store) LiveBudget(ctx context.Context, ref provider.AccountRef, now time.Time) (wanted, room bool, err error) {
	row, err := s.queries().LiveBudget(ctx, db.LiveBudgetParams{
		DefaultBudget: DefaultDailyRequests, Provider: string(ref.Provider), AccountID: ref.AccountID, Day: utcday.Of(now),
	})
	if err != nil {
		return false, false, fmt.Errorf("read budget of %s: %w", ref, err)
	}
	return row.Wanted, 2*row.Spent < int64(row.Budget), nil
}

// SeeLiveMeetings keeps what a list of running meetings shows, and returns those of them that
// were not read after a moment, what was never read first. One that a past list has shown is
// left as it is. [ErrFenced] where no link of the account goes on.
func (s *Store) SeeLiveMeetings(ctx context.Context, ref provider.AccountRef, seen []SeenMeeting, now, readBefore time.Time) ([]DueMeeting, error) {
	if len(seen) == 0 {
		return nil, nil
	}
	params := db.SeeLiveMeetingsParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, Now: now, DueAt: now.Add(liveMemory), ReadBefore: readBefore,
	}
	for m := range eachOnce(seen) {
		params.MeetingIds = append(params.MeetingIds, m.ID)
		params.MeetingUuids = append(params.MeetingUuids, meetingUUID(m.ID))
		params.Numbers = append(params.Numbers, m.Number)
		params.Hosts = append(params.Hosts, m.HostSealed)
		params.Starts = append(params.Starts, m.StartAt)
		params.Participants = append(params.Participants, int32(m.ParticipantCount))
	}
	var due []DueMeeting
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		rows, err := q.SeeLiveMeetings(ctx, params)
		due = make([]DueMeeting, len(rows))
		for i, row := range rows {
			due[i] = DueMeeting{ID: row.MeetingID, ParticipantCount: int(row.ParticipantCount), Landed: row.Revision > 0}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("see running meetings of %s: %w", ref, err)
	}
	return due, nil
}

// replaceLegs drops the joins that the record of a meeting does not have, and every sample
// that it does not have as it is stored; what is equal stays. Before, the joins of the record
// were written.
func (t mediaTable) replaceLegs(ctx context.Context, tx pgx.Tx, q *db.Queries, l *lockedLanding) error {
	gone, err := q.DropLegsBut(ctx, db.DropLegsButParams{
		Provider: string(l.Provider), AccountID: l.AccountID, MeetingID: l.MeetingID, Kept: l.legIDs,
	})
	if err != nil {
		return fmt.Errorf("drop legs: %w", err)
	}
	span := days{first: l.meeting.StartAt.Add(-beyondLeg), last: l.meeting.EndAt.Add(beyondLeg)}
	return t.replaceMedia(ctx, tx, append(gone, l.legIDs...), span, mediaRowsOf([]*lockedLanding{l}))
}

// replaceMedia makes rows all samples that are stored of some legs. Those that are stored lie
// within a span of days, or near the rows.
func (t mediaTable) replaceMedia(ctx context.Context, tx pgx.Tx, legs []int64, span days, rows []mediaRow) error {
	byKey := make(map[mediaKey]int, len(rows))
	for i, row := range rows {
		byKey[mediaKey{row.legID, row.sample.StartAt.UnixMicro()}] = i
		span.add(row.sample.StartAt)
	}
	stored, err := tx.Query(ctx, "select "+t.columns+" from media_samples where leg_id = any($1) and start_at between $2 and $3", legs, span.first, span.last)
	if err != nil {
		return fmt.Errorf("compare media samples: %w", err)
	}
	defer stored.Close()
	var (
		legID   int64
		startAt time.Time
		wire    copyRow
		equal   = make([]bool, len(rows))
		into    = make([]any, 4+len(t.measurements)) // nil: not scanned
		oldLegs []int64
		oldAt   []time.Time
	)
	into[0], into[1] = &legID, &startAt
	for stored.Next() {
		if err := stored.Scan(into...); err != nil {
			return fmt.Errorf("compare media samples: %w", err)
		}
		if i, ok := byKey[mediaKey{legID, startAt.UnixMicro()}]; ok {
			if wire.set(t.measurements, rows[i]); wire.equals(stored.RawValues()) {
				equal[i] = true
				continue
			}
		}
		oldLegs, oldAt = append(oldLegs, legID), append(oldAt, startAt)
	}
	if err := stored.Err(); err != nil {
		return fmt.Errorf("compare media samples: %w", err)
	}
	if len(oldLegs) > 0 {
		const drop = `delete from media_samples m using unnest($1::bigint[], $2::timestamptz[]) as old (leg_id, start_at)
			where m.leg_id = old.leg_id and m.start_at = old.start_at and m.start_at between $3 and $4`
		if _, err := tx.Exec(ctx, drop, oldLegs, oldAt, span.first, span.last); err != nil {
			return fmt.Errorf("drop media samples: %w", err)
		}
	}
	var other []mediaRow
	for i, row := range rows {
		if !equal[i] {
			other = append(other, row)
		}
	}
	return t.copyInto(ctx, tx, "media_samples", other)
}
