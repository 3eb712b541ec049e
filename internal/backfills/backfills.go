// Package backfills changes backfills that were asked for: their workflows where these run,
// and the ledger where they do not.
package backfills

import (
	"context"
	"errors"

	"callweave/internal/flows"
	"callweave/internal/store"
	"callweave/workflows"
)

// Flows reaches the workflows of backfills; [flows.Flows] does.
type Flows interface {
	Backfill(ctx context.Context, in workflows.BackfillInput) (workflowID string, err error)
	PauseBackfill(ctx context.Context, workflowID string, paused bool) error
	CancelBackfill(ctx context.Context, workflowID string) error
}

// Change is what may be done to a backfill that has not finished. It returns when nothing more
// is spent than what it leaves.
type Change func(ctx context.Context, s *store.Store, f Flows, b store.Backfill) error

// Pause spends nothing more for a backfill until it is resumed, also where its workflow was
// terminated.
func Pause(ctx context.Context, s *store.Store, f Flows, b store.Backfill) error {
	err := f.PauseBackfill(ctx, b.WorkflowID, true)
	if !errors.Is(err, flows.ErrNotRunning) {
		return err
	}
	return s.PauseBackfill(ctx, b, true)
}

// Resume has a paused backfill go on, and starts one anew whose workflow was terminated.
func Resume(ctx context.Context, s *store.Store, f Flows, b store.Backfill) error {
	err := f.PauseBackfill(ctx, b.WorkflowID, false)
	if !errors.Is(err, flows.ErrNotRunning) {
		return err
	}
	if err := s.PauseBackfill(ctx, b, false); err != nil {
		return err
	}
	_, err = f.Backfill(ctx, workflows.BackfillInput{AccountRef: b.AccountRef, From: b.From, To: b.To, RequestedBy: b.RequestedBy})
	return err
}

// Cancel ends a backfill and takes out of the plan what only it asked for and nobody has read.
func Cancel(ctx context.Context, s *store.Store, f Flows, b store.Backfill) error {
	err := f.CancelBackfill(ctx, b.WorkflowID)
	if !errors.Is(err, flows.ErrNotRunning) {
		return err
	}
	b.Windows = workflows.BackfillDays(b.From, b.To)
	return s.FinishBackfill(ctx, b, store.BackfillCanceled, []byte(`{"state":"canceled","stopped":"canceled"}`))
}
