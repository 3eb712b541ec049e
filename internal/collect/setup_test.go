package collect_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/collect"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

var noon = time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)

type bundle struct {
	world     *world.World
	org       *world.Org
	token     string
	window    *mistwindow.Window
	store     *store.Store
	pool      *pgxpool.Pool
	vault     *vault.Vault
	collector *collect.Collector
	clock     *atomic.Int64
}

func (b *bundle) now() time.Time { return time.Unix(b.clock.Load(), 0).UTC() }

func setup(t *testing.T, window mistwindow.Config) *bundle {
	t.Helper()
	ctx := t.Context()
	cfg := world.DemoConfig(11)
	cfg.Orgs, cfg.PeoplePerOrg = 1, 10
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{world: w, org: w.Orgs[0], clock: new(atomic.Int64)}
	b.clock.Store(noon.Unix())
	window.Now = b.now
	b.window = mistwindow.New(w, window)
	server := httptest.NewServer(b.window)
	t.Cleanup(server.Close)
	url := testenv.Postgres(t)
	if b.store, err = store.Open(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(master, b.store)
	b.token = b.window.Issue(b.org.ID)
	sealed, err := master.SealText(vault.PurposeNetworkToken, secret.New(b.token))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutOrg(ctx, db.UpsertOrgParams{OrgID: b.org.ID, Name: b.org.Name, MistUrl: server.URL, MistTokenSealed: sealed}); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "insert into accounts (provider, account_id) values ('zoom', 'account')")
	b.exec(t, "insert into links (provider, account_id, org_id, linked_by_sealed) values ('zoom', 'account', $1, '')", b.org.ID)
	b.collector = collect.New(b.store, b.vault, collect.OpenMist(master, server.Client(), b.now), collect.Config{Now: b.now, Lookback: 3 * time.Hour})
	return b
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) poll(t *testing.T, after time.Duration) collect.Result {
	t.Helper()
	b.clock.Add(int64(after / time.Second))
	result, err := b.collector.Collect(t.Context(), b.org.ID, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (b *bundle) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := b.pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// health is what administrators see of the collection.
func (b *bundle) health(t *testing.T) (synced time.Time, problem string) {
	t.Helper()
	org, err := b.store.Org(t.Context(), b.org.ID)
	if err != nil {
		t.Fatal(err)
	}
	if org.DevicesSyncedAt != nil {
		synced = org.DevicesSyncedAt.UTC()
	}
	if org.DevicesError != nil {
		problem = *org.DevicesError
	}
	return synced, problem
}

// covered reports whether every presence of the world's clients on the org's sites in
// [from, to) is covered by leases with the right site, and how many clients there were.
func (b *bundle) covered(t *testing.T, from, to time.Time) int {
	t.Helper()
	sessions := 0
	for _, site := range b.org.Sites {
		for _, s := range b.world.Sessions(site, from, to) {
			sessions++
			middle := maxTime(s.ConnectAt, from)
			middle = middle.Add(minTime(s.DisconnectAt, to).Sub(middle) / 2)
			if b.count(t, `select count(*) from leases
where org_id = $1 and mac = $2 and site_id = $3 and ap_mac = $4 and band = $5 and from_at <= $6 and to_at > $6`,
				b.org.ID, s.Client.MAC.Hardware(), site.ID, s.AP.MAC.Hardware(), string(s.Band), middle) == 0 {
				t.Errorf("no lease of %s at %s", s.Client.MAC, middle)
			}
		}
	}
	return sessions
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
