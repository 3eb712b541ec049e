package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/workflows"
)

const (
	// eraseRows bounds a transaction of an erasure, eraseFor the batches of one attempt.
	eraseRows = 5000
	eraseFor  = 20 * time.Second
	// eraseWait is how soon an erasure looks again whether the one it waits for is done.
	eraseWait = 2 * time.Second
)

// Erasure unlinks: fence, erase, revoke, prove.
type Erasure struct {
	Store       *store.Store
	Vault       *vault.Vault
	Credentials *credentials.Manager
}

// FenceLink puts up the link's fence and opens the receipt. Repeating it returns the
// same receipt, the finished one where everything was erased since.
func (e *Erasure) FenceLink(ctx context.Context, in workflows.DeboardInput) (workflows.Fenced, error) {
	reason := in.Reason
	if reason == "" {
		reason = "operator"
	}
	receipt, err := e.Store.Fence(ctx, in.AccountRef, in.OrgID, "deboard", reason)
	if err != nil {
		return workflows.Fenced{}, toApplicationError(err)
	}
	result, err := resultOf(receipt)
	return workflows.Fenced{
		ReceiptID: receipt.ReceiptID, FencedAt: receipt.FencedAt, Finished: receipt.FinishedAt != nil, Result: result,
	}, toApplicationError(err)
}

// EraseBatch erases batches of rows for some seconds and says whether there are more. Its
// place is in the database, so it may be stopped at any point.
func (e *Erasure) EraseBatch(ctx context.Context, in workflows.ReceiptInput) (workflows.EraseProgress, error) {
	var err error
	beating(ctx, recordBeat(ctx), func() { err = e.Store.CountErasure(ctx, in.ReceiptID) })
	if err != nil {
		return workflows.EraseProgress{}, toApplicationError(err)
	}
	progress := workflows.EraseProgress{More: true}
	for end := time.Now().Add(eraseFor); time.Now().Before(end); {
		rows, err := e.Store.EraseBatch(ctx, in.ReceiptID, eraseRows)
		if err != nil {
			return workflows.EraseProgress{}, toApplicationError(err)
		}
		if rows == 0 {
			progress.More = false
			break
		}
		progress.Rows += rows
		activity.RecordHeartbeat(ctx, progress.Rows)
	}
	return progress, nil
}

// FinishErasure takes the last rows, destroys the keys and closes the receipt, unless
// any other row is left. Repeating it returns the closed receipt.
func (e *Erasure) FinishErasure(ctx context.Context, in workflows.ReceiptInput) (workflows.Erased, error) {
	var (
		receipt db.Receipt
		done    bool
		err     error
	)
	beating(ctx, recordBeat(ctx), func() { receipt, done, err = e.Store.FinishErasure(ctx, in.ReceiptID) })
	if errors.Is(err, store.ErrEraseWaits) {
		return workflows.Erased{}, applicationError(err, workflows.ErrUnlinking,
			temporal.ApplicationErrorOptions{NextRetryDelay: eraseWait, Category: temporal.ApplicationErrorCategoryBenign})
	}
	if err != nil || !done {
		return workflows.Erased{}, toApplicationError(err)
	}
	result, err := resultOf(receipt)
	return workflows.Erased{Done: true, Result: result}, toApplicationError(err)
}

// KeepGrantForRevocation takes the grant out of an account that is to be erased, so that
// it can be revoked after. Repeating it changes nothing.
func (e *Erasure) KeepGrantForRevocation(ctx context.Context, in workflows.ReceiptInput) (workflows.DeboardResult, error) {
	receipt, err := e.Store.Receipt(ctx, in.ReceiptID)
	if err != nil {
		return workflows.DeboardResult{}, toApplicationError(err)
	}
	reseal, err := e.resealer(ctx, receipt)
	if err != nil {
		return workflows.DeboardResult{}, toApplicationError(err)
	}
	if receipt, err = e.Store.HandOver(ctx, in.ReceiptID, reseal); err != nil {
		return workflows.DeboardResult{}, toApplicationError(err)
	}
	result, err := resultOf(receipt)
	return result, toApplicationError(err)
}

func (e *Erasure) resealer(ctx context.Context, receipt db.Receipt) (func(db.Credential) ([]byte, error), error) {
	ref := provider.AccountRef{Provider: provider.Name(receipt.Provider), AccountID: receipt.AccountID}
	key, err := e.Vault.Key(ctx, vault.AccountScope(ref))
	if errors.Is(err, vault.ErrDestroyed) {
		// The account was erased before: there is no credential that could be asked for.
		return func(db.Credential) ([]byte, error) { return nil, err }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(credential db.Credential) ([]byte, error) {
		grant, err := credentials.Open(key, credential.GrantSealed)
		if err != nil {
			return nil, err
		}
		grant.ExpiresAt = credential.AccessExpiresAt
		return credentials.SealInTransit(e.Vault.Master(), grant)
	}, nil
}

// beating beats at once and again and again, until the work is done: counting the rows of
// years takes longer than a heartbeat may be missing.
func beating(ctx context.Context, beat func(), work func()) {
	ctx, cancel := context.WithCancel(ctx)
	var beater sync.WaitGroup
	beater.Go(func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			beat()
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	defer beater.Wait()
	defer cancel()
	work()
}

func recordBeat(ctx context.Context) func() { return func() { activity.RecordHeartbeat(ctx) } }

// resultOf is what a receipt says so far.
func resultOf(receipt db.Receipt) (workflows.DeboardResult, error) {
	result := workflows.DeboardResult{ReceiptID: receipt.ReceiptID, LastLink: receipt.LastLink, TokenOutcome: receipt.TokenOutcome}
	before, err := rowsIn(receipt.RowsBefore)
	if err != nil || receipt.FinishedAt == nil {
		return result, err
	}
	after, err := rowsIn(receipt.RowsAfter)
	result.RowsErased = before - after
	return result, err
}

func rowsIn(counts []byte) (int64, error) {
	var byTable map[string]int64
	if err := json.Unmarshal(counts, &byTable); err != nil {
		return 0, fmt.Errorf("read receipt: %w", err)
	}
	var sum int64
	for _, rows := range byTable {
		sum += rows
	}
	return sum, nil
}
