package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// Run is a run of a workflow.
type Run struct{ WorkflowID, RunID string }

// ClaimHarvest makes a run the one consumer of an account's ledger for a while, or renews
// that. Where another run is, it returns that run's workflow id; else "". [ErrFenced]
// where no link of the account goes on.
func (s *Store) ClaimHarvest(ctx context.Context, ref provider.AccountRef, run Run, hold time.Duration) (heldBy string, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := requireAccount(ctx, q, ref); err != nil {
			return err
		}
		_, err := q.ClaimHarvest(ctx, db.ClaimHarvestParams{
			Provider: string(ref.Provider), AccountID: ref.AccountID, WorkflowID: run.WorkflowID, RunID: run.RunID, HoldSeconds: hold.Seconds(),
		})
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		heldBy, err = q.HarvestClaim(ctx, string(ref.Provider), ref.AccountID)
		if errors.Is(err, pgx.ErrNoRows) { // released this moment: the next attempt gets it
			return errors.New("claim changed hands")
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("claim harvest of %s: %w", ref, err)
	}
	return heldBy, nil
}

// ReleaseHarvest gives the claim up, if the run still has it.
func (s *Store) ReleaseHarvest(ctx context.Context, ref provider.AccountRef, run Run) error {
	err := s.queries().ReleaseHarvest(ctx, db.ReleaseHarvestParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, WorkflowID: run.WorkflowID, RunID: run.RunID,
	})
	if err != nil {
		return fmt.Errorf("release harvest of %s: %w", ref, err)
	}
	return nil
}
