package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callweave/internal/store"
	"callweave/workflows"
)

// Backfills keep what was asked for of the past in the ledger.
type Backfills struct {
	Store *store.Store
	Now   func() time.Time // default time.Now
}

func (b *Backfills) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// backfillOf is a backfill with its windows.
func backfillOf(ctx context.Context, in workflows.BackfillRef) store.Backfill {
	return store.Backfill{
		AccountRef: in.AccountRef, From: in.From, To: in.To, Windows: workflows.BackfillDays(in.From, in.To), WorkflowID: thisRun(ctx).WorkflowID,
	}
}

// BeginBackfill puts a backfill's days into the ledger. Repeating it changes nothing. A
// fenced error where no org is linked to the account.
func (b *Backfills) BeginBackfill(ctx context.Context, in workflows.BackfillBegin) error {
	backfill := backfillOf(ctx, in.BackfillRef)
	backfill.RequestedBy = in.RequestedBy
	return toApplicationError(b.Store.BeginBackfill(ctx, backfill))
}

// LookAtBackfill says how far a backfill is, or that there is nothing to fill any more.
func (b *Backfills) LookAtBackfill(ctx context.Context, in workflows.BackfillRef) (workflows.BackfillLook, error) {
	linked, err := b.Store.AccountHasLinks(ctx, in.AccountRef)
	if err != nil {
		return workflows.BackfillLook{}, toApplicationError(err)
	}
	if !linked {
		return workflows.BackfillLook{Gone: true}, nil
	}
	look, err := b.Store.LookAtBackfill(ctx, backfillOf(ctx, in), b.now())
	if errors.Is(err, store.ErrNotFound) {
		return workflows.BackfillLook{Gone: true}, nil
	}
	if err != nil {
		return workflows.BackfillLook{}, toApplicationError(err)
	}
	budget, err := b.Store.Budget(ctx, in.AccountRef, b.now())
	if err != nil {
		return workflows.BackfillLook{}, toApplicationError(err)
	}
	failed := map[string]int{}
	for cause, windows := range look.Causes {
		if cause != "" {
			failed[cause] = windows
		}
	}
	return workflows.BackfillLook{
		State: look.State, WindowsTotal: look.WindowsTotal, WindowsListed: look.WindowsListed, WindowsOpen: look.WindowsOpen,
		WindowsFailed: failed, MeetingsDue: look.MeetingsDue, MeetingsRead: look.MeetingsRead, Quarantined: look.Quarantined, DoneAt: budget.BacklogDoneAt,
	}, nil
}

// PauseBackfill holds back what only a backfill asked for, or lets go of it. Repeating it
// changes nothing.
func (b *Backfills) PauseBackfill(ctx context.Context, in workflows.BackfillPause) error {
	return toApplicationError(b.Store.PauseBackfill(ctx, backfillOf(ctx, in.BackfillRef), in.Paused))
}

// EndBackfill notes how a backfill ended; a canceled one leaves the plan. Repeating it
// changes nothing.
func (b *Backfills) EndBackfill(ctx context.Context, in workflows.BackfillEnd) error {
	outcome, err := json.Marshal(in.Outcome)
	if err != nil {
		return fmt.Errorf("write outcome: %w", err)
	}
	err = b.Store.FinishBackfill(ctx, backfillOf(ctx, in.BackfillRef), in.Outcome.State, outcome)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was ended before, or erased
	}
	return toApplicationError(err)
}
