package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// Origin says why a window is in the ledger.
type Origin string

// Live windows follow the clock; backfills are asked for.
const (
	OriginLive     Origin = "live"
	OriginBackfill Origin = "backfill"
)

// turnPast is the turn of windows of the past in the query OpenWindows.
const turnPast = 2

// maxWindowAttempts is how often a window whose listing fails for a reason of its own is
// tried. It stays in the ledger as a gap; asking for it again starts over.
const maxWindowAttempts = 10

// Listed is how far an account's live windows were listed; zero times where none was.
type Listed struct {
	From time.Time // nothing before was ever planned
	To   time.Time
	Deep time.Time // up to here by a window that reached back as far as asked for, or to From
}

// LastListed returns how far live windows were listed, deep being how far back a long look
// reaches.
func (s *Store) LastListed(ctx context.Context, ref provider.AccountRef, deep time.Duration) (Listed, error) {
	row, err := s.queries().LastListed(ctx, string(ref.Provider), ref.AccountID, deep.Seconds())
	if err != nil {
		return Listed{}, fmt.Errorf("read ledger of %s: %w", ref, err)
	}
	return Listed{From: orZero(row.FloorAt), To: orZero(row.ListedTo), Deep: orZero(row.DeepTo)}, nil
}

// orZero undoes the query's stand-in for no time.
func orZero(at time.Time) time.Time {
	if at.Unix() == 0 {
		return time.Time{}
	}
	return at
}

// PlanWindows puts windows into the ledger, newest first and without a hole between them.
// Live windows take the place of earlier ones within them that were never listed; a listed
// window is listed again. [ErrFenced] where no link of the account goes on.
func (s *Store) PlanWindows(ctx context.Context, ref provider.AccountRef, origin Origin, windows []provider.Window) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		if origin == OriginLive && len(windows) > 0 {
			if err := q.SupersedeWindows(ctx, db.SupersedeWindowsParams{
				Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: windows[len(windows)-1].From, ToAt: windows[0].To,
			}); err != nil {
				return err
			}
		}
		return planWindows(ctx, q, ref, origin, windows)
	})
	if err != nil {
		return fmt.Errorf("plan windows of %s: %w", ref, err)
	}
	return nil
}

func planWindows(ctx context.Context, q *db.Queries, ref provider.AccountRef, origin Origin, windows []provider.Window) error {
	for _, w := range windows {
		err := q.PlanWindow(ctx, db.PlanWindowParams{
			Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: w.From, ToAt: w.To, Origin: string(origin),
		})
		if err != nil {
			return fmt.Errorf("plan window: %w", err)
		}
	}
	return nil
}

// OpenWindows lists the windows to be listed: what is new, what could not be listed, then the
// past, which are the last ones; each newest first. What a paused backfill alone asked for is
// not among them.
func (s *Store) OpenWindows(ctx context.Context, ref provider.AccountRef, limit int) (windows []provider.Window, past int, err error) {
	rows, err := s.queries().OpenWindows(ctx, db.OpenWindowsParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, MaxAttempts: maxWindowAttempts, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read open windows of %s: %w", ref, err)
	}
	windows = make([]provider.Window, len(rows))
	for i, row := range rows {
		windows[i] = provider.Window{From: row.FromAt, To: row.ToAt}
		if row.Turn == turnPast {
			past++
		}
	}
	return windows, past, nil
}

// WindowAsked reports whether somebody asked for a window since it was listed.
func (s *Store) WindowAsked(ctx context.Context, ref provider.AccountRef, window provider.Window) (bool, error) {
	asked, err := s.queries().WindowAsked(ctx, db.WindowAskedParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: window.From, ToAt: window.To,
	})
	if err != nil {
		return false, fmt.Errorf("read window of %s: %w", ref, err)
	}
	return asked, nil
}

// WindowWanted reports whether a window is still in the ledger, and not for a paused backfill
// alone.
func (s *Store) WindowWanted(ctx context.Context, ref provider.AccountRef, window provider.Window) (bool, error) {
	wanted, err := s.queries().WindowWanted(ctx, db.WindowWantedParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: window.From, ToAt: window.To,
	})
	if err != nil {
		return false, fmt.Errorf("read window of %s: %w", ref, err)
	}
	return wanted, nil
}

// WindowListed marks a window as listed, with the number of meetings found in it.
func (s *Store) WindowListed(ctx context.Context, ref provider.AccountRef, window provider.Window, meetings int) error {
	err := s.queries().WindowListed(ctx, db.WindowListedParams{
		Meetings: int32(meetings), Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: window.From, ToAt: window.To,
	})
	if err != nil {
		return fmt.Errorf("mark window of %s as listed: %w", ref, err)
	}
	return nil
}

// WindowFailed keeps a window as a gap with its cause, an error type. own says that the
// window itself is the reason, and not a trouble of the moment that says nothing about it.
func (s *Store) WindowFailed(ctx context.Context, ref provider.AccountRef, window provider.Window, cause string, own bool) error {
	attempt := int32(0)
	if own {
		attempt = 1
	}
	err := s.queries().WindowFailed(ctx, db.WindowFailedParams{
		Cause: &cause, Attempt: attempt, Provider: string(ref.Provider), AccountID: ref.AccountID, FromAt: window.From, ToAt: window.To,
	})
	if err != nil {
		return fmt.Errorf("mark window of %s as failed: %w", ref, err)
	}
	return nil
}

// PruneWindows forgets live windows listed before a moment that a later one covers whole.
func (s *Store) PruneWindows(ctx context.Context, ref provider.AccountRef, before time.Time) error {
	if err := s.queries().PruneWindows(ctx, string(ref.Provider), ref.AccountID, before); err != nil {
		return fmt.Errorf("prune ledger of %s: %w", ref, err)
	}
	return nil
}
