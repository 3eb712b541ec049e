package collect_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/collect"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/internal/world/mistwindow"
)

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
	devices := 0
	for _, site := range b.org.Sites {
		devices += len(site.APs) + 1
	}
	if got := b.count(t, "select count(*) from network_devices where name ~ '^(ap|gw)-' and org_id = $1", b.org.ID); got != devices {
		t.Errorf("%d devices have their names, want %d", got, devices)
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

// Histories are a help, not a condition: without them the org is complete all the same,
// and why they are missing stays on view for as long as that past matters.
func TestPollGoesOnWithoutHistories(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault mistwindow.Fault
		want  string
	}{
		"a token without insights":  {mistwindow.Fault{Path: "/insights/", Status: 403}, "may not read the network's insights"},
		"no catalogue":              {mistwindow.Fault{Path: "/const/insight_metrics", Status: 500}, "did not give"},
		"no budget":                 {mistwindow.Fault{Path: "/usage", Status: 502}, "did not give"},
		"one malformed insight":     {mistwindow.Fault{Path: "/insights/device/", Times: 1, Body: "{"}, "cannot be read"},
		"the limit in the middle":   {mistwindow.Fault{Path: "/insights/", Status: 429, RetryAfter: time.Hour}, "request limit"},
		"a client's history breaks": {mistwindow.Fault{Path: "/insights/client/", Times: 1, Status: 504}, "did not give"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, mistwindow.Config{})
			b.window.Inject(test.fault)
			b.poll(t, 0)
			if synced, problem := b.health(t); !synced.Equal(noon.Add(-time.Minute)) || !strings.Contains(problem, test.want) {
				t.Errorf("complete up to %s with problem %q, want %s and %q", synced, problem, noon.Add(-time.Minute), test.want)
			}
			if n := b.covered(t, noon.Add(-150*time.Minute), noon.Add(-2*time.Minute)); n == 0 {
				t.Error("the world had no sessions: the test proves nothing")
			}
			b.poll(t, time.Minute)
			if synced, problem := b.health(t); !synced.Equal(noon) || !strings.Contains(problem, test.want) {
				t.Errorf("a minute later: complete up to %s with problem %q", synced, problem)
			}
		})
	}
	t.Run("the past is over", func(t *testing.T) {
		t.Parallel()
		b := setup(t, mistwindow.Config{})
		b.window.Inject(mistwindow.Fault{Path: "/insights/", Times: 3, Status: 403})
		b.poll(t, 0)
		b.poll(t, 4*time.Hour)
		if _, problem := b.health(t); problem != "" {
			t.Errorf("problem %q after the histories were read", problem)
		}
	})
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
