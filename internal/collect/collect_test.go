package collect_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/collect"
	"callweave/internal/network"
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

func TestFirstPollFillsThePast(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	result := b.poll(t, 0)
	if result.Sites != len(b.org.Sites) || result.Clients == 0 || result.Leases == 0 || result.Samples == 0 || result.Requests == 0 {
		t.Errorf("first poll: %+v", result)
	}
	if result.Requests != b.window.Calls(b.token) {
		t.Errorf("counted %d requests, the cloud %d", result.Requests, b.window.Calls(b.token))
	}
	if n := b.covered(t, noon.Add(-150*time.Minute), noon.Add(-2*time.Minute)); n == 0 {
		t.Error("the world had no sessions: the test proves nothing")
	}
	synced, problem := b.health(t)
	if want := noon.Add(-time.Minute); !synced.Equal(want) || problem != "" {
		t.Errorf("complete up to %s with problem %q, want %s", synced, problem, want)
	}
	if addressed := b.count(t, "select count(*) from leases where ip is not null"); addressed == 0 {
		t.Error("no lease has an address")
	}
	for _, table := range []string{"radio_samples", "wan_samples", "client_samples"} {
		if b.count(t, "select count(*) from "+table+" where end_at < $1", noon.Add(-time.Hour)) == 0 {
			t.Errorf("no history in %s", table)
		}
	}
}

func TestPollsExtendLeases(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	running := func() int {
		return b.count(t, "select count(*) from leases where source = 'snapshot' and org_id = $1", b.org.ID)
	}
	first, clients := running(), 0
	for range 10 {
		clients = b.poll(t, time.Minute).Clients
	}
	// Ten polls of unchanged clients add no leases; a few roam or come.
	if grown := running() - first; grown > clients/2 {
		t.Errorf("10 polls of %d clients added %d leases to %d", clients, grown, first)
	}
	b.covered(t, noon, b.now().Add(-time.Minute))
	gaps := b.count(t, `select count(*) from (
select start_at - lag(end_at) over (partition by ap_mac, band order by start_at) as gap
from radio_samples where end_at - start_at <= interval '2 minutes') g where gap <> interval '0'`)
	if gaps != 0 {
		t.Errorf("%d radio samples do not follow the one before", gaps)
	}
	if n := b.count(t, "select count(*) from client_samples where tx_bytes is not null and start_at >= $1", noon); n == 0 {
		t.Error("no client sample has counters of its interval")
	}
}

func TestOutageIsFilled(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	b.poll(t, time.Minute)
	b.poll(t, 50*time.Minute)
	if n := b.covered(t, noon.Add(-time.Hour), b.now().Add(-2*time.Minute)); n == 0 {
		t.Error("the world had no sessions: the test proves nothing")
	}
}

// rows is all device data, as text.
func (b *bundle) rows(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, table := range []string{"leases", "client_samples", "radio_samples", "wan_samples"} {
		rows, err := b.pool.Query(t.Context(), "select $1 || (to_jsonb(r) - 'hostname_sealed')::text from "+table+" r", table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			all[row]++
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestFailureIsShownAndStoresNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	before := b.rows(t)
	synced, _ := b.health(t)
	b.window.Revoke(b.token)
	b.clock.Add(60)
	_, err := b.collector.Collect(t.Context(), b.org.ID, func() {})
	if class, _ := network.ClassOf(err); class != network.Unauthorized {
		t.Errorf("poll with a revoked token: %v", err)
	}
	after, problem := b.health(t)
	if !after.Equal(synced) || problem == "" {
		t.Errorf("complete up to %s with problem %q, want %s and a problem", after, problem, synced)
	}
	if diff := cmp.Diff(before, b.rows(t)); diff != "" {
		t.Errorf("rows changed:\n%s", diff)
	}
	// A new token mends it, and the time without one is filled.
	b.replaceToken(t)
	b.poll(t, 20*time.Minute)
	if after, problem := b.health(t); !after.After(synced) || problem != "" {
		t.Errorf("with a new token: complete up to %s with problem %q", after, problem)
	}
	b.covered(t, noon.Add(-time.Hour), b.now().Add(-2*time.Minute))
}

func (b *bundle) replaceToken(t *testing.T) {
	t.Helper()
	org, err := b.store.Org(t.Context(), b.org.ID)
	if err != nil {
		t.Fatal(err)
	}
	b.token = b.window.Issue(b.org.ID)
	sealed, err := b.vault.Master().SealText(vault.PurposeNetworkToken, secret.New(b.token))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: org.OrgID, Name: org.Name, MistUrl: org.MistUrl, MistTokenSealed: sealed}); err != nil {
		t.Fatal(err)
	}
}

// The request limit is spent in the middle of the first fill: whatever landed by then, the
// org is not complete; the next hour completes it.
func TestRequestLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{CallsPerHour: 12})
	_, err := b.collector.Collect(t.Context(), b.org.ID, func() {})
	if class, _ := network.ClassOf(err); class != network.RateLimited {
		t.Fatalf("poll beyond the limit: %v", err)
	}
	if synced, problem := b.health(t); !synced.IsZero() || problem == "" {
		t.Errorf("complete up to %s with problem %q", synced, problem)
	}
}

func TestPollIntervalFollowsTheBudget(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{CallsPerHour: 200})
	b.poll(t, 0)
	polls := 0
	for range 55 {
		if !b.poll(t, time.Minute).Skipped {
			polls++
		}
	}
	if polls < 5 || polls > 20 {
		t.Errorf("%d polls in an hour of 200 requests", polls)
	}
	if calls := b.window.Calls(b.token); calls > 400 {
		t.Errorf("%d requests in two hours of 200", calls)
	}
}

// Two collectors poll one org at the same moment: one of the polls counts.
func TestOvertakenPollIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	b.clock.Add(60)
	results := make(chan collect.Result, 2)
	for range 2 {
		go func() {
			result, err := b.collector.Collect(context.WithoutCancel(t.Context()), b.org.ID, func() {})
			if err != nil {
				t.Error(err)
			}
			results <- result
		}()
	}
	first, second := <-results, <-results
	if first.Skipped == second.Skipped {
		t.Errorf("skipped: %v and %v; want one of them", first.Skipped, second.Skipped)
	}
	if twice := b.count(t, `select count(*) from (select 1 from radio_samples
where end_at - start_at <= interval '2 minutes' group by ap_mac, band, end_at having count(*) > 1) d`); twice != 0 {
		t.Errorf("%d radio samples twice", twice)
	}
}

func TestCollectStopsAtTheFence(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.exec(t, "update links set status = 'unlinking'")
	if _, err := b.collector.Collect(t.Context(), b.org.ID, func() {}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("poll of an org without links: %v, want %v", err, store.ErrFenced)
	}
	if left := b.rows(t); len(left) != 0 {
		t.Errorf("%d rows were written behind the fence", len(left))
	}
}

// An org that links again after its data were erased begins anew: the state of the last
// poll went with the org's key.
func TestStateOfAnEndedLinkCountsAsNone(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	scope := vault.OrgScope(b.org.ID)
	if _, err := b.store.DestroyDataKey(t.Context(), string(scope)); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "delete from leases")
	if _, err := b.collector.Collect(t.Context(), b.org.ID, func() {}); !errors.Is(err, vault.ErrDestroyed) {
		t.Errorf("poll of an org whose key is gone: %v, want %v", err, vault.ErrDestroyed)
	}
	if err := b.vault.Renew(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	b.poll(t, time.Minute)
	if n := b.covered(t, noon.Add(-150*time.Minute), noon.Add(-2*time.Minute)); n == 0 {
		t.Error("the world had no sessions: the test proves nothing")
	}
}

func TestUnknownOrg(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	if _, err := b.collector.Collect(t.Context(), uuid.New(), func() {}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("poll of an unknown org: %v, want %v", err, store.ErrNotFound)
	}
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
