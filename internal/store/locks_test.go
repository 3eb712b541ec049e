package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// begin opens a transaction that the test ends itself.
func begin(t *testing.T, s *Store) pgx.Tx {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

// untilWaiting returns when n backends wait for a lock, or done has a value, which it
// puts back.
func untilWaiting(t *testing.T, s *Store, n int64, done chan error) {
	t.Helper()
	for number(t, s, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) < n {
		select {
		case err := <-done:
			done <- err
			return
		default:
		}
	}
}

// A reservation that meets a fence which is being put up waits for it and writes nothing.
func TestReserveWaitsForTheFence(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	exec(t, s, `insert into accounts (provider, account_id) values ('zoom', 'account-x')`)
	seedLink(t, s, x, a)
	fencing := begin(t, s)
	if _, err := db.New(fencing).FenceLink(t.Context(), string(x.Provider), x.AccountID, a); err != nil {
		t.Fatal(err)
	}
	reserved := make(chan error, 1)
	go func() { reserved <- NewMeter(s, nil).Reserve(t.Context(), x, "heavy", 1) }()
	untilWaiting(t, s, 1, reserved)
	if err := fencing.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-reserved; !errors.Is(err, ErrFenced) {
		t.Errorf("reserve during the fence = %v, want ErrFenced", err)
	}
	if n := number(t, s, "select count(*) from api_requests"); n != 0 {
		t.Errorf("%d rows were written after the fence", n)
	}
}

// What one category spends counts for another that is reserved at the same moment.
func TestReservationsOfCategoriesShareTheBudget(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, orgs := linkedAccount(t, s, "a", 10)
	holding := begin(t, s) // so that all meet
	if _, err := db.New(holding).FenceLink(t.Context(), string(x.Provider), x.AccountID, orgs[0]); err != nil {
		t.Fatal(err)
	}
	categories := []string{"heavy", "medium"} // with the test itself as many connections as a small pool has
	reserved := make(chan error, len(categories))
	for _, category := range categories {
		go func() { reserved <- NewMeter(s, nil).Reserve(t.Context(), x, category, 10) }()
	}
	untilWaiting(t, s, int64(len(categories)), reserved)
	if err := holding.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	granted := 0
	for range categories {
		if err := <-reserved; err == nil {
			granted++
		} else if provider.KindOf(err) != provider.RateLimited {
			t.Error(err)
		}
	}
	if spent := number(t, s, "select coalesce(sum(spent), 0)::bigint from api_requests"); granted != 1 || spent != 10 {
		t.Errorf("%d reservations were granted and %d requests spent of a budget of 10", granted, spent)
	}
}

// A landing of devices and a fence of the same org take their locks in the same order.
func TestLandDevicesAndFenceDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	fencing := begin(t, s)
	q := db.New(fencing)
	if err := lockBoth(t.Context(), q, x, a); err != nil {
		t.Fatal(err)
	}
	landed := make(chan error, 1)
	go func() {
		landed <- s.LandDevices(t.Context(), DeviceLanding{OrgID: a, SyncedAt: time.Now()})
	}()
	untilWaiting(t, s, 1, landed)
	if _, err := fence(t.Context(), q, x, a, "test", "admin"); err != nil {
		t.Fatalf("fence: %v", err)
	}
	if err := fencing.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-landed; !errors.Is(err, ErrFenced) {
		t.Errorf("landing after the fence = %v, want ErrFenced", err)
	}
}

// Everybody who changes all links of an account locks them in the same order, whatever
// order the table has them in.
func TestChangesOfAllLinksLockInOrder(t *testing.T) {
	t.Parallel()
	x := zoomAccount("account-x")
	low, high := uuid.MustParse("00000000-0000-4000-8000-000000000001"), uuid.MustParse("ffffffff-0000-4000-8000-000000000002")
	for name, change := range map[string]func(context.Context, *Store) error{
		"synced": func(ctx context.Context, s *Store) error {
			_, err := s.LinksSynced(ctx, x, time.Now(), nil)
			return err
		},
		"failed": func(ctx context.Context, s *Store) error {
			_, err := s.queries().FailLinks(ctx, string(x.Provider), x.AccountID, "text")
			return err
		},
		"revived": func(ctx context.Context, s *Store) error {
			return s.queries().ReviveLinks(ctx, string(x.Provider), x.AccountID, []string{})
		},
		"written for": func(ctx context.Context, s *Store) error {
			return s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error { return requireLinks(ctx, q, x) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			exec(t, s, `insert into accounts (provider, account_id) values ('zoom', 'account-x')`)
			for _, org := range []uuid.UUID{high, low} { // the table's order is not the key's
				exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')`, org)
				exec(t, s, `insert into links (provider, account_id, org_id, linked_by_sealed) values ('zoom', 'account-x', $1, '')`, org)
			}
			exec(t, s, `analyze links`)
			first := begin(t, s)
			touch := func(org uuid.UUID) error {
				_, err := first.Exec(t.Context(), `update links set errors = '{}' where org_id = $1`, org)
				return err
			}
			if err := touch(low); err != nil {
				t.Fatal(err)
			}
			changed := make(chan error, 1)
			go func() { changed <- change(t.Context(), s) }()
			untilWaiting(t, s, 1, changed)
			if err := touch(high); err != nil {
				t.Errorf("the second link was locked before the first: %v", err)
			}
			if err := first.Commit(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-changed; err != nil {
				t.Error(err)
			}
		})
	}
}

// Landings of credentials, of devices and of harvests cross without a deadlock.
func TestConcurrentLandings(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x := zoomAccount("account-x")
	orgs := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	for i, org := range orgs {
		seedOrg(t, s, org)
		if i == 0 {
			seedAccount(t, s, x)
		}
		seedLink(t, s, x, org)
	}
	const rounds = 15
	var group errgroup.Group
	for _, org := range orgs {
		group.Go(func() error {
			for range rounds {
				if err := s.Land(t.Context(), landing(t, s, x, org)); err != nil {
					return err
				}
			}
			return nil
		})
		group.Go(func() error {
			for i := range rounds {
				if err := s.LandDevices(t.Context(), DeviceLanding{OrgID: org, SyncedAt: seedStart.Add(time.Duration(i) * time.Minute)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for range 3 * rounds {
			err := s.LandMeeting(t.Context(), MeetingLanding{AccountRef: x, MeetingID: x.AccountID + "-meeting-1", ReadAt: seedStart})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, problems := range [][]string{nil, {"text"}} {
		group.Go(func() error {
			for range 3 * rounds {
				if _, err := s.LinksSynced(t.Context(), x, time.Now(), problems); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for range rounds {
			err := s.LockCredential(t.Context(), x, func(c *LockedCredential) error {
				_, err := c.Kill(t.Context(), "revoked", "", "text")
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if key, destroyed, err := s.DataKey(t.Context(), string(vault.AccountScope(x))); err != nil || destroyed || key == nil {
		t.Errorf("the account's key: %v, destroyed %v", err, destroyed)
	}
}
