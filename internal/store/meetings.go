package store

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// States of a meeting.
const (
	MeetingLive        = "live"        // a list of running meetings showed it, and none of ended ones has yet
	MeetingSeen        = "seen"        // a list showed it
	MeetingReadOnce    = "read"        // its data may still grow
	MeetingSettled     = "settled"     // read after its data was complete
	MeetingQuarantined = "quarantined" // could not be read, for the cause stated
	MeetingGone        = "gone"        // the provider does not have it any more
	MeetingSkipped     = "skipped"     // could not be read, and an operator gave it up
)

// SeenMeeting is a meeting as a list shows it; of its host only what is sealed is kept.
type SeenMeeting struct {
	provider.Meeting
	HostSealed []byte
}

// SeeMeetings keeps what a list of what is new or of the past shows, and returns how many
// meetings are new. New ones are due, and so are those that changed since they were read;
// what lists of both show is live. Seeing them again changes nothing. [ErrFenced] where no
// link of the account goes on.
func (s *Store) SeeMeetings(ctx context.Context, ref provider.AccountRef, origin Origin, kind provider.ListKind, seen []SeenMeeting, now time.Time) (added int, err error) {
	if len(seen) == 0 {
		return 0, nil
	}
	params := db.SeeMeetingsParams{Provider: string(ref.Provider), AccountID: ref.AccountID, ListKind: string(kind), Now: now, Origin: string(origin)}
	for m := range eachOnce(seen) {
		params.MeetingIds = append(params.MeetingIds, m.ID)
		params.MeetingUuids = append(params.MeetingUuids, meetingUUID(m.ID))
		params.Numbers = append(params.Numbers, m.Number)
		params.Hosts = append(params.Hosts, m.HostSealed)
		params.Starts = append(params.Starts, m.StartAt)
		params.Ends = append(params.Ends, m.EndAt)
		params.Participants = append(params.Participants, int32(m.ParticipantCount))
	}
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		count, err := q.SeeMeetings(ctx, params)
		added = int(count)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("see meetings of %s: %w", ref, err)
	}
	return added, nil
}

// eachOnce are the meetings, each one once: one statement cannot touch a row twice.
func eachOnce(seen []SeenMeeting) iter.Seq[SeenMeeting] {
	return func(yield func(SeenMeeting) bool) {
		once := make(map[string]bool, len(seen))
		for _, m := range seen {
			if once[m.ID] {
				continue
			}
			once[m.ID] = true
			if !yield(m) {
				return
			}
		}
	}
}

// meetingUUID is the 16 bytes that a meeting's id is in base64; zero where it is not.
func meetingUUID(id string) uuid.UUID {
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) != len(uuid.UUID{}) {
		return uuid.UUID{}
	}
	return uuid.UUID(raw)
}

// DueMeeting is a meeting to be read now.
type DueMeeting struct {
	ID               string
	ParticipantCount int  // as a list shows it
	Landed           bool // it was read before
	Backfill         bool // no live list has shown it
}

// DueMeetings lists the meetings to be read now: what is new, what could not be read, then
// the past; each newest first. What a paused backfill alone found is not among them.
func (s *Store) DueMeetings(ctx context.Context, ref provider.AccountRef, now time.Time, limit int) ([]DueMeeting, error) {
	rows, err := s.queries().DueMeetings(ctx, db.DueMeetingsParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, Now: now, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("read due meetings of %s: %w", ref, err)
	}
	due := make([]DueMeeting, len(rows))
	for i, row := range rows {
		due[i] = DueMeeting{ID: row.MeetingID, ParticipantCount: int(row.ParticipantCount), Landed: row.Revision > 0, Backfill: row.Backfill}
	}
	return due, nil
}

// CountDueMeetings counts the meetings to be read now.
func (s *Store) CountDueMeetings(ctx context.Context, ref provider.AccountRef, now time.Time) (int, error) {
	due, err := s.Due(ctx, ref, now)
	return due.Meetings, err
}

// Due is how many meetings are to be read now.
type Due struct {
	Meetings int
	Backfill int // of them, that no live list has shown
}

// Due counts the meetings to be read now.
func (s *Store) Due(ctx context.Context, ref provider.AccountRef, now time.Time) (Due, error) {
	count, err := s.queries().CountDueMeetings(ctx, string(ref.Provider), ref.AccountID, now)
	if err != nil {
		return Due{}, fmt.Errorf("count due meetings of %s: %w", ref, err)
	}
	return Due{Meetings: int(count.Meetings), Backfill: int(count.Backfill)}, nil
}

// MeetingsWanted returns which of some meetings are still to be read, and not for a paused
// backfill alone.
func (s *Store) MeetingsWanted(ctx context.Context, ref provider.AccountRef, meetingIDs []string) ([]string, error) {
	wanted, err := s.queries().MeetingsWanted(ctx, string(ref.Provider), ref.AccountID, meetingIDs)
	if err != nil {
		return nil, fmt.Errorf("look for meetings of %s: %w", ref, err)
	}
	return wanted, nil
}

// FailMeeting quarantines a meeting that could not be read, for a cause (an error type).
// It is due again after the delay of its attempt; after the last delay it stays in the
// final state until somebody asks for it. What was landed of it before stays. It returns
// the state it is in.
func (s *Store) FailMeeting(ctx context.Context, ref provider.AccountRef, meetingID, cause, final string, delays []time.Duration, now time.Time) (state string, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		attempts, err := q.LockMeeting(ctx, string(ref.Provider), ref.AccountID, meetingID)
		if err != nil {
			return notFound(err, "lock meeting")
		}
		state = final
		var dueAt *time.Time
		if int(attempts) < len(delays) {
			state = MeetingQuarantined
			next := now.Add(delays[attempts])
			dueAt = &next
		}
		_, err = q.MeetingFailed(ctx, db.MeetingFailedParams{
			State: state, Cause: &cause, DueAt: dueAt, Provider: string(ref.Provider), AccountID: ref.AccountID, MeetingID: meetingID,
		})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("quarantine meeting of %s: %w", ref, err)
	}
	return state, nil
}

// RetryMeetings makes meetings that could not be read, or that a canceled backfill left unread,
// due now, all where no ids are given, and their tries begin anew; one that was skipped only if skipped says so. It returns how
// many they are. [ErrFenced] where no link of the account goes on.
func (s *Store) RetryMeetings(ctx context.Context, ref provider.AccountRef, ids []string, skipped bool, now time.Time) (int, error) {
	params := db.RetryMeetingsParams{
		Now: now, Provider: string(ref.Provider), AccountID: ref.AccountID, MeetingIds: ids, States: []string{MeetingQuarantined, MeetingGone},
	}
	if ids == nil {
		params.MeetingIds = []string{}
	}
	if skipped {
		params.States = append(params.States, MeetingSkipped)
	}
	var retried int64
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) (err error) {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		retried, err = q.RetryMeetings(ctx, params)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("retry meetings of %s: %w", ref, err)
	}
	return int(retried), nil
}

// SkipMeeting gives a meeting up that could not be read: it is not tried any more.
// [ErrNotFound] where there is none such.
func (s *Store) SkipMeeting(ctx context.Context, ref provider.AccountRef, meetingID string) error {
	skipped, err := s.queries().SkipMeeting(ctx, string(ref.Provider), ref.AccountID, meetingID)
	if err == nil && skipped == 0 {
		err = pgx.ErrNoRows
	}
	return notFound(err, "skip meeting of %s", ref)
}
