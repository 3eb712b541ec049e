package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// States of a backfill. A paused one keeps its place; what only it asked for is not read
// meanwhile.
const (
	BackfillRunning  = "running"
	BackfillPaused   = "paused"
	BackfillDone     = "done"
	BackfillCanceled = "canceled"
)

const (
	// backfillTries is how often a window is tried that fails for a reason of its own before a
	// backfill does not wait for it any more. The harvest goes on trying, see maxWindowAttempts.
	backfillTries = 3
	// longestMeeting is how long a meeting can last: Zoom ends it after 30 hours.
	longestMeeting = 30 * time.Hour
)

// Backfill is an interval of an account's past that somebody asked for. Its windows are
// given, newest first, by whoever cut them.
type Backfill struct {
	provider.AccountRef
	From, To    time.Time
	Windows     []provider.Window
	WorkflowID  string
	RequestedBy string // api token id, "cli" or a workflow's id
}

func (b Backfill) bounds() (froms, tos []time.Time) {
	for _, w := range b.Windows {
		froms, tos = append(froms, w.From), append(tos, w.To)
	}
	return froms, tos
}

// BeginBackfill notes that a backfill is asked for and puts its windows into the ledger.
// Repeated by the same workflow it changes nothing. [ErrFenced] where no link of the account
// goes on.
func (s *Store) BeginBackfill(ctx context.Context, b Backfill) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, b.AccountRef); err != nil {
			return err
		}
		_, err := q.PutBackfill(ctx, db.PutBackfillParams{
			Provider: string(b.Provider), AccountID: b.AccountID, FromAt: b.From, ToAt: b.To, WorkflowID: b.WorkflowID, RequestedBy: b.RequestedBy,
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := planWindows(ctx, q, b.AccountRef, OriginBackfill, b.Windows); err != nil {
			return err
		}
		return audit(ctx, q, Entry{
			Actor: b.RequestedBy, Action: "backfill requested", Object: b.AccountRef.String(),
			Detail: map[string]any{"from": b.From.UTC(), "to": b.To.UTC()},
		})
	})
	if err != nil {
		return fmt.Errorf("begin backfill of %s: %w", b.AccountRef, err)
	}
	return nil
}

// BackfillLook is how far a backfill is.
type BackfillLook struct {
	State         string
	WindowsTotal  int
	WindowsListed int
	WindowsOpen   int            // that it waits for
	Causes        map[string]int // of windows that are not listed: error types, "" not tried yet
	MeetingsDue   int
	MeetingsRead  int
	Quarantined   int // or gone
}

// LookAtBackfill says how far a backfill is. [ErrNotFound] where there is none any more, or
// another workflow has taken it over.
func (s *Store) LookAtBackfill(ctx context.Context, b Backfill, now time.Time) (BackfillLook, error) {
	q, name := s.queries(), string(b.Provider)
	row, err := q.Backfill(ctx, name, b.AccountID, b.From)
	if err == nil && b.WorkflowID != "" && row.WorkflowID != b.WorkflowID {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return BackfillLook{}, notFound(err, "backfill of %s", b.AccountRef)
	}
	look := BackfillLook{State: row.State, WindowsTotal: len(b.Windows), Causes: map[string]int{}}
	froms, tos := b.bounds()
	windows, err := q.BackfillWindows(ctx, db.BackfillWindowsParams{
		GivenUpAfter: backfillTries, Froms: froms, Tos: tos, Provider: name, AccountID: b.AccountID,
	})
	if err != nil {
		return BackfillLook{}, fmt.Errorf("count windows of backfill of %s: %w", b.AccountRef, err)
	}
	for _, w := range windows {
		if w.State == "listed" {
			look.WindowsListed += int(w.Windows)
			continue
		}
		look.Causes[w.Cause] += int(w.Windows)
		if !w.GivenUp {
			look.WindowsOpen += int(w.Windows)
		}
	}
	meetings, err := q.BackfillMeetings(ctx, db.BackfillMeetingsParams{
		Now: now, Provider: name, AccountID: b.AccountID, Since: b.From.Add(-longestMeeting), ToAt: b.To, FromAt: b.From,
	})
	if err != nil {
		return BackfillLook{}, fmt.Errorf("count meetings of backfill of %s: %w", b.AccountRef, err)
	}
	look.MeetingsDue, look.MeetingsRead, look.Quarantined = int(meetings.Due), int(meetings.Read), int(meetings.Quarantined)
	return look, nil
}

// PauseBackfill holds back what only this backfill asked for, or lets go of it. [ErrNotFound]
// where it has finished.
func (s *Store) PauseBackfill(ctx context.Context, b Backfill, paused bool) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, b.AccountRef); err != nil {
			return err
		}
		changed, err := q.PauseBackfill(ctx, db.PauseBackfillParams{
			Paused: paused, Provider: string(b.Provider), AccountID: b.AccountID, FromAt: b.From, WorkflowID: b.WorkflowID,
		})
		if err == nil && changed == 0 {
			err = pgx.ErrNoRows
		}
		return notFound(err, "running backfill from %s", b.From.UTC().Format(time.RFC3339))
	})
	if err != nil {
		return fmt.Errorf("pause backfill of %s: %w", b.AccountRef, err)
	}
	return nil
}

// FinishBackfill notes how a backfill ended. A canceled one leaves nothing in the plan that
// only it asked for: its windows that were never listed go, its meetings that nobody has read
// stay as gaps. [ErrNotFound] where it has finished or is another workflow's.
func (s *Store) FinishBackfill(ctx context.Context, b Backfill, state string, outcome []byte) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		name := string(b.Provider)
		_, err := q.FinishBackfill(ctx, db.FinishBackfillParams{
			State: state, Outcome: outcome, Provider: name, AccountID: b.AccountID, FromAt: b.From, WorkflowID: b.WorkflowID,
		})
		if err != nil || state != BackfillCanceled {
			return notFound(err, "running backfill from %s", b.From.UTC().Format(time.RFC3339))
		}
		froms, tos := b.bounds()
		dropped, err := q.DropPlannedWindows(ctx, db.DropPlannedWindowsParams{Froms: froms, Tos: tos, Provider: name, AccountID: b.AccountID})
		if err != nil {
			return fmt.Errorf("drop windows: %w", err)
		}
		err = q.LeavePlannedWindows(ctx, db.LeavePlannedWindowsParams{Froms: froms, Tos: tos, Provider: name, AccountID: b.AccountID})
		if err != nil {
			return fmt.Errorf("leave windows: %w", err)
		}
		left, err := q.LeaveMeetings(ctx, db.LeaveMeetingsParams{
			Provider: name, AccountID: b.AccountID, Since: b.From.Add(-longestMeeting), ToAt: b.To, FromAt: b.From,
		})
		if err != nil {
			return fmt.Errorf("leave meetings: %w", err)
		}
		return audit(ctx, q, Entry{
			Actor: "backfill", Action: "backfill canceled", Object: b.AccountRef.String(),
			Detail: map[string]any{"from": b.From.UTC(), "windows_dropped": dropped, "meetings_left": left},
		})
	})
	if err != nil {
		return fmt.Errorf("finish backfill of %s: %w", b.AccountRef, err)
	}
	return nil
}

// Backfills lists what was asked for, the newest request first.
func (s *Store) Backfills(ctx context.Context, filter ReadFilter) ([]db.Backfill, error) {
	rows, err := s.queries().Backfills(ctx, filter.AccountID, filter.org(), filter.Limit)
	return rows, notFound(err, "list backfills")
}

// Backfill returns what was asked for of an account from a time on; [ErrNotFound] where
// nothing was.
func (s *Store) Backfill(ctx context.Context, ref provider.AccountRef, from time.Time) (db.Backfill, error) {
	row, err := s.queries().Backfill(ctx, string(ref.Provider), ref.AccountID, from)
	return row, notFound(err, "backfill of %s from %s", ref, from.UTC().Format(time.RFC3339))
}

// LiveBackfills are the ids of the workflows of an account's backfills that have not
// finished.
func (s *Store) LiveBackfills(ctx context.Context, ref provider.AccountRef) ([]string, error) {
	ids, err := s.queries().LiveBackfills(ctx, string(ref.Provider), ref.AccountID)
	return ids, notFound(err, "backfills of %s", ref)
}

// MayChangeBackfill reports whether an org may pause, resume and cancel a backfill: it asked
// for it, or no other org is linked to the account.
func (s *Store) MayChangeBackfill(ctx context.Context, b db.Backfill, org uuid.UUID) (bool, error) {
	may, err := s.queries().MayChangeBackfill(ctx, db.MayChangeBackfillParams{
		RequestedBy: b.RequestedBy, OrgID: org, Provider: b.Provider, AccountID: b.AccountID,
	})
	return may, notFound(err, "who asked for a backfill of %s/%s", b.Provider, b.AccountID)
}
