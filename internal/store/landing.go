package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// MeetingLanding is one read of one meeting.
type MeetingLanding struct {
	provider.AccountRef
	MeetingID   string
	Legs        []LegLanding
	First       bool          // nobody asked for what earlier reads know: there are none
	ReadAt      time.Time     // when the provider was asked
	SettleAfter time.Duration // how long after its end a meeting's data is complete
	Unmeasured  bool          // people talked and no sample of anybody came
	Live        bool          // the meeting ran: what came is provisional
}

// LegLanding is a leg with its samples. Of its person only the user id and what is sealed
// is kept.
type LegLanding struct {
	provider.Leg
	PersonSealed []byte
	Redacted     bool // what identifies them is taken away, from what earlier reads stored, too
}

// CauseNoSamples is why a meeting is quarantined that people were in and no quality is known
// of. It is asked for once more after unmeasuredAgain: the provider may be late.
const (
	CauseNoSamples  = "no_samples"
	unmeasuredAgain = time.Hour
)

// ErrReadBefore says that a meeting taken for new was read meanwhile: what is known of its
// people is to be asked for, and then it can be landed.
var ErrReadBefore = errors.New("meeting was read before")

// LandMeeting writes a read of a meeting as [Store.LandMeetings] does.
func (s *Store) LandMeeting(ctx context.Context, landing MeetingLanding) error {
	return s.LandMeetings(ctx, landing.AccountRef, []MeetingLanding{landing})
}

// LandMeetings writes reads of meetings of an account, each of another meeting, in one transaction: all of them or, with
// an error, none. Each meeting is a revision newer then. Landing the same read again changes no leg and no sample; a read that lacks what
// an earlier one had loses nothing but what is redacted. A meeting read before its data was complete is due
// once more, SettleAfter its end. It is to be woven for every link that goes on. [ErrFenced] where no link of the account goes on,
// [ErrNotFound] where a meeting was never seen, [ErrReadBefore] where one is landed as new and is not.
//
// What is provisional of a meeting is replaced: joins and samples that the read lacks are gone, and what is equal is
// not written. A Live read is provisional; it is dropped where a past list has shown the meeting meanwhile.
//
// One that is Unmeasured though its data should be complete is quarantined, and nothing of it lost, be it provisional.
func (s *Store) LandMeetings(ctx context.Context, ref provider.AccountRef, landings []MeetingLanding) error {
	// Not in the transaction: others would wait for its lock as long as the COPY takes.
	if err := s.ensureDaysOf(ctx, landings); err != nil {
		return err
	}
	err := s.inTx(ctx, func(tx pgx.Tx, q *db.Queries) error { return landMeetings(ctx, tx, q, ref, landings) })
	if err != nil {
		return fmt.Errorf("land meetings of %s: %w", ref, err)
	}
	return nil
}

// ensureDaysOf makes the days that the samples of landings fall into, and none between the
// days of two meetings.
func (s *Store) ensureDaysOf(ctx context.Context, landings []MeetingLanding) error {
	spans := make(map[days]bool, 1)
	for i := range landings {
		span := landings[i].span()
		if span.first.IsZero() {
			continue
		}
		spans[days{utcday.Of(span.first), utcday.Next(span.last.Add(ahead)).Add(-ahead - time.Second)}] = true
	}
	for span := range spans {
		if err := s.ensureDays(ctx, "media_samples", span); err != nil {
			return err
		}
	}
	return nil
}

// span is the interval that the samples begin in.
func (l *MeetingLanding) span() (span days) {
	for i := range l.Legs {
		for j := range l.Legs[i].Samples {
			span.add(l.Legs[i].Samples[j].StartAt)
		}
	}
	return span
}

// lockedLanding is a landing of which nobody else writes the meeting.
type lockedLanding struct {
	*MeetingLanding

	meeting db.LockMeetingsRow
	legIDs  []int64 // in the order of its legs
}

// replaces reports whether it replaces what is stored, which is provisional.
func (l *lockedLanding) replaces() bool {
	return l.meeting.Provisional && !l.Live && !l.Unmeasured
}

func landMeetings(ctx context.Context, tx pgx.Tx, q *db.Queries, ref provider.AccountRef, landings []MeetingLanding) error {
	if err := requireLinks(ctx, q, ref); err != nil {
		return err
	}
	locked, err := lockMeetings(ctx, q, ref, landings)
	if err != nil || len(locked) == 0 {
		return err
	}
	if err := landLegs(ctx, tx, q, ref, locked); err != nil {
		return err
	}
	read := db.MeetingsReadParams{Provider: string(ref.Provider), AccountID: ref.AccountID}
	for i := range locked {
		if err := locked[i].noteIn(ctx, q, &read); err != nil {
			return err
		}
	}
	if err := q.MeetingsRead(ctx, read); err != nil {
		return fmt.Errorf("note reads: %w", err)
	}
	if err := q.QueueWeaves(ctx, read.Provider, read.AccountID, read.MeetingIds); err != nil {
		return fmt.Errorf("queue weaves: %w", err)
	}
	return nil
}

// lockMeetings keeps others from writing the meetings, and leaves out those whose landing is
// to be dropped.
func lockMeetings(ctx context.Context, q *db.Queries, ref provider.AccountRef, landings []MeetingLanding) ([]lockedLanding, error) {
	ids := make([]string, len(landings))
	for i := range landings {
		ids[i] = landings[i].MeetingID
	}
	rows, err := q.LockMeetings(ctx, string(ref.Provider), ref.AccountID, ids)
	if err != nil {
		return nil, fmt.Errorf("lock meetings: %w", err)
	}
	meetings := make(map[string]db.LockMeetingsRow, len(rows))
	for _, row := range rows {
		meetings[row.MeetingID] = row
	}
	locked := make([]lockedLanding, 0, len(landings))
	for i := range landings {
		landing := &landings[i]
		meeting, ok := meetings[landing.MeetingID]
		switch {
		case !ok:
			return nil, fmt.Errorf("lock meetings: %w", ErrNotFound)
		case landing.First && meeting.Revision > 0:
			return nil, ErrReadBefore
		case landing.Live && meeting.ListKind != string(provider.ListLive):
			continue
		}
		locked = append(locked, lockedLanding{MeetingLanding: landing, meeting: meeting})
	}
	return locked, nil
}

// noteIn adds what the meeting is after the read.
func (l *lockedLanding) noteIn(ctx context.Context, q *db.Queries, read *db.MeetingsReadParams) error {
	state, provisional, cause, attempts := MeetingSettled, l.Live || l.meeting.Provisional && l.Unmeasured, "", int32(0)
	var dueAt time.Time
	switch settlesAt := l.meeting.EndAt.Add(l.SettleAfter); {
	case l.Live:
		state, dueAt = MeetingLive, l.ReadAt.Add(liveMemory)
	case l.ReadAt.Before(settlesAt):
		state, dueAt = MeetingReadOnce, settlesAt
	case l.Unmeasured:
		measured, err := q.HaveSamples(ctx, l.legIDs)
		if err != nil {
			return fmt.Errorf("look for samples: %w", err)
		}
		if measured && !provisional { // by an earlier read of its record
			break
		}
		state, cause, attempts = MeetingQuarantined, CauseNoSamples, l.meeting.Attempts+1
		if l.meeting.Attempts == 0 {
			dueAt = l.ReadAt.Add(unmeasuredAgain)
		}
	}
	read.MeetingIds = append(read.MeetingIds, l.MeetingID)
	read.States, read.Provisional = append(read.States, state), append(read.Provisional, provisional)
	read.Causes, read.Attempts = append(read.Causes, cause), append(read.Attempts, attempts)
	read.DueAts, read.ReadAts = append(read.DueAts, dueAt), append(read.ReadAts, l.ReadAt)
	return nil
}
