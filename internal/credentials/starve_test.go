package credentials

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/world/zoomwindow"
)

// hang has Zoom keep every refresh waiting until the fault is released.
func (b *bundle) hang(t *testing.T) *zoomwindow.Injected {
	t.Helper()
	fault, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultHang, Path: "^/oauth/token$", GrantType: "refresh_token", Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fault.Release)
	return fault
}

// small opens a store with few connections.
func (b *bundle) small(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), b.database+"&pool_max_conns=4")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// However many refreshes wait for Zoom, everything else has connections.
func TestSlowRefreshesLeaveConnections(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.store = b.small(t)
	b.pass(nearlyOver)
	fault := b.hang(t)
	var group errgroup.Group
	for range 12 {
		manager := b.worker(b.zoom) // no flight is shared
		group.Go(func() error {
			_, err := manager.Access(t.Context(), b.ref)
			return err
		})
	}
	<-fault.Hits()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := b.store.Link(ctx, b.ref, b.org)
		cancel()
		if err != nil {
			t.Fatalf("a query while refreshes wait: %v", err)
		}
	}

	// Whoever waits for its turn need not wait it out.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.worker(b.zoom).Access(ctx, b.ref); !errors.Is(err, context.Canceled) {
		t.Errorf("Access of somebody who left = %v, want canceled", err)
	}
	fault.Release()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if n := b.refreshes(); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
}

// Confirming a pair does not queue behind a refresh of it by another program.
func TestWorkedDoesNotWait(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pass(nearlyOver)
	access, err := b.manager.Access(t.Context(), b.ref)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "select from credentials for update"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.manager.Worked(ctx, b.ref, access); err != nil {
		t.Errorf("Worked while the row is locked = %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.manager.Worked(t.Context(), b.ref, access); err != nil {
		t.Fatal(err)
	}
	if b.row(t).PriorGrantSealed != nil {
		t.Error("the next success did not confirm the pair")
	}
}

// From the fence on nobody rotates the pair: it is handed over to be revoked, and what a
// refresh gave after would live on at Zoom, known to nobody.
func TestNoRefreshBehindTheFence(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pass(nearlyOver)
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "select from credentials for update"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := b.manager.Access(t.Context(), b.ref)
		ended <- err
	}()
	deadline := time.Now().Add(time.Minute)
	for b.number(t, "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the refresh does not wait for the row")
		}
	}
	if _, err := b.store.Fence(t.Context(), b.ref, b.org, "test", "admin"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, store.ErrFenced) {
		t.Errorf("Access = %v, want ErrFenced", err)
	}
	if n := b.refreshes(); n != 0 {
		t.Errorf("%d refreshes behind the fence", n)
	}
}

// A refresh whose answer there might be no time to keep is not begun.
func TestNoRefreshWithoutTimeToKeepIt(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pass(nearlyOver)
	b.manager.flightTimeout = holdTimeout - time.Second
	if _, err := b.manager.Access(t.Context(), b.ref); provider.KindOf(err) != provider.Transient {
		t.Errorf("Access = %v, want transient", err)
	}
	if n := b.refreshes(); n != 0 {
		t.Errorf("%d refreshes", n)
	}
	if row := b.row(t); row.RefreshBeganAt != nil || row.Verdict != nil {
		t.Errorf("it is noted all the same: %v, %v", row.RefreshBeganAt, row.Verdict)
	}
	b.manager.flightTimeout = flightTimeout
	if _, err := b.manager.Access(t.Context(), b.ref); err != nil {
		t.Error(err)
	}
}
