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
	// openAttempts is how often a grant whose key does not open is tried before it is given up.
	openAttempts = 5
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
// it can be revoked after. A grant that cannot be opened is given up: it is erased here
// and left to itself at the provider. Repeating it changes nothing.
func (e *Erasure) KeepGrantForRevocation(ctx context.Context, in workflows.ReceiptInput) (workflows.DeboardResult, error) {
	last := activity.GetInfo(ctx).Attempt >= openAttempts
	receipt, err := e.Store.HandOver(ctx, in.ReceiptID, func(credential db.Credential, keySealed []byte) ([]byte, error) {
		return e.reseal(credential, keySealed, last)
	})
	if errors.Is(err, vault.ErrUnsealed) {
		return workflows.DeboardResult{}, tryAgain(err)
	}
	if err != nil {
		return workflows.DeboardResult{}, toApplicationError(err)
	}
	result, err := resultOf(receipt)
	return result, toApplicationError(err)
}

// reseal seals an account's grant for its revocation. A data key that does not open is
// lost only at the last attempt: another worker may have the key of the keyset that this
// one lacks.
func (e *Erasure) reseal(credential db.Credential, keySealed []byte, last bool) ([]byte, error) {
	if keySealed == nil {
		return nil, fmt.Errorf("%w: there is no key of the account", store.ErrGrantLost)
	}
	ref := provider.AccountRef{Provider: provider.Name(credential.Provider), AccountID: credential.AccountID}
	key, err := e.Vault.OpenKey(vault.AccountScope(ref), keySealed)
	if errors.Is(err, vault.ErrUnsealed) && last {
		return nil, fmt.Errorf("%w: the account's key does not open with our keyset", store.ErrGrantLost)
	}
	if err != nil {
		return nil, err
	}
	grant, err := credentials.Open(key, credential.GrantSealed)
	if errors.Is(err, vault.ErrUnsealed) {
		return nil, fmt.Errorf("%w: it does not open with the account's key", store.ErrGrantLost)
	}
	if err != nil {
		return nil, err
	}
	grant.ExpiresAt = credential.AccessExpiresAt
	return credentials.SealInTransit(e.Vault.Master(), grant)
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
