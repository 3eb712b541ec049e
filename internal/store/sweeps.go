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

// sweptPatience is how long a deletion of a workflow execution may take before it is
// asked for again.
const sweptPatience = 5 * time.Minute

// Sweep is what a finished erasure left in the histories of workflows, and whether what
// they are of goes on again: somebody may have linked anew.
type Sweep struct {
	db.Receipt
	LinkLives, AccountLives, OrgLives bool
}

// Ref is the account.
func (s Sweep) Ref() provider.AccountRef { return refOf(s.Receipt) }

// Sweep returns a receipt for its histories to be erased.
func (s *Store) Sweep(ctx context.Context, receiptID uuid.UUID) (Sweep, error) {
	receipt, err := s.queries().Receipt(ctx, receiptID)
	if err != nil {
		return Sweep{}, notFound(err, "receipt %s", receiptID)
	}
	sweep := Sweep{Receipt: receipt}
	if sweep.LinkLives, err = s.queries().LinkGoesOn(ctx, receipt.Provider, receipt.AccountID, receipt.OrgID); err != nil {
		return Sweep{}, fmt.Errorf("look for the link of receipt %s: %w", receiptID, err)
	}
	sweep.AccountLives, sweep.OrgLives, err = s.Needed(ctx, refOf(receipt), receipt.OrgID)
	return sweep, err
}

// NotSwept returns those of the executions whose deletion was not asked for a moment ago.
func (s *Store) NotSwept(ctx context.Context, receiptID uuid.UUID, runIDs []string) ([]string, error) {
	asked, err := s.queries().SweptBefore(ctx, receiptID, runIDs, sweptPatience.Seconds())
	if err != nil {
		return nil, fmt.Errorf("executions swept for receipt %s: %w", receiptID, err)
	}
	before := make(map[string]bool, len(asked))
	for _, run := range asked {
		before[run] = true
	}
	rest := make([]string, 0, len(runIDs))
	for _, run := range runIDs {
		if !before[run] {
			rest = append(rest, run)
		}
	}
	return rest, nil
}

// Swept counts executions whose deletion was accepted in the receipt, each once.
func (s *Store) Swept(ctx context.Context, receiptID uuid.UUID, runIDs []string) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		added, err := q.AddSwept(ctx, receiptID, runIDs)
		if err != nil || added == 0 {
			return err
		}
		return q.CountSwept(ctx, int32(added), receiptID)
	})
	if err != nil {
		return fmt.Errorf("count executions swept for receipt %s: %w", receiptID, err)
	}
	return nil
}

// SweptAll notes in the receipt how many executions are left. With none, it also forgets
// the marks of the keys that the erasure destroyed: no late writer is left to be stopped.
func (s *Store) SweptAll(ctx context.Context, receiptID uuid.UUID, left int) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if left > 0 {
			return q.NoteSweep(ctx, int32(left), receiptID)
		}
		receipt, err := q.Receipt(ctx, receiptID)
		if err != nil {
			return notFound(err, "receipt")
		}
		if err := q.ForgetDestroyedKeys(ctx, receipt.KeysDestroyed); err != nil {
			return fmt.Errorf("forget destroyed keys: %w", err)
		}
		if err := q.ForgetSwept(ctx, receiptID); err != nil {
			return fmt.Errorf("forget swept executions: %w", err)
		}
		if _, err := q.FinishSweep(ctx, receiptID); err != nil {
			return err
		}
		return audit(ctx, q, Entry{
			OrgID: &receipt.OrgID, Actor: "sweep", Action: "histories erased", Object: refOf(receipt).String(),
			Detail: map[string]any{"receipt": receiptID},
		})
	})
	if err != nil {
		return fmt.Errorf("note executions left for receipt %s: %w", receiptID, err)
	}
	return nil
}

// DropStaleAuthorizations forgets the attempts to link, of any org, that came to nothing
// long ago, and returns how many.
func (s *Store) DropStaleAuthorizations(ctx context.Context) (int64, error) {
	dropped, err := s.queries().DropStaleAuthorizations(ctx, time.Now().Add(-staleOffersKept))
	if err != nil {
		return 0, fmt.Errorf("drop stale authorizations: %w", err)
	}
	return dropped, nil
}
