package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"callweave/internal/provider"
)

const (
	beatEvery  = 10 * time.Second
	renewEvery = 30 * time.Second
)

// holder keeps an activity's claim on an account's ledger and its heartbeat while it
// works.
type holder struct {
	harvest *Harvest
	ref     provider.AccountRef
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu      sync.Mutex
	heldBy  string // another run took the ledger
	details any
}

// hold takes or renews the claim and keeps it until release is called. Where another run
// has the ledger, heldBy says so, and the context returned is canceled when one takes it.
func (h *Harvest) hold(ctx context.Context, ref provider.AccountRef) (context.Context, *holder, error) {
	heldBy, err := h.store.ClaimHarvest(ctx, ref, thisRun(ctx), claimFor)
	if err != nil {
		return ctx, nil, err
	}
	held, cancel := context.WithCancel(ctx)
	k := &holder{harvest: h, ref: ref, cancel: cancel, heldBy: heldBy}
	if heldBy != "" {
		cancel()
		return held, k, nil
	}
	k.done.Go(func() { k.keep(held) })
	return held, k, nil
}

// keep beats and renews until the context ends. The claim of a run whose worker lost the
// database outlives several tries. What ends within a beat needs none.
func (k *holder) keep(ctx context.Context) {
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		activity.RecordHeartbeat(ctx, k.progress())
		if time.Since(renewed) < renewEvery {
			continue
		}
		heldBy, err := k.harvest.store.ClaimHarvest(ctx, k.ref, thisRun(ctx), claimFor)
		if err != nil {
			continue
		}
		renewed = time.Now()
		if heldBy != "" {
			k.mu.Lock()
			k.heldBy = heldBy
			k.mu.Unlock()
			k.cancel()
			return
		}
	}
}

// lost returns the workflow id of the run that has the ledger now; "" while it is ours.
func (k *holder) lost() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.heldBy
}

// report sets what heartbeats carry: a retry of the activity begins with it.
func (k *holder) report(details any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.details = details
}

func (k *holder) progress() any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.details
}

// release ends the heartbeat. The claim goes on: the run's next activity needs it.
func (k *holder) release() {
	k.cancel()
	k.done.Wait()
}
