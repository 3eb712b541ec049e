package authorize_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"callweave/internal/access"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/vault"
)

// BenchmarkAuthorizeRoundTrip is what an administrator waits for after allowing us: from
// the callback to the redirect to the portal, with the exchange at a Zoom that answers at
// once, the landing in Postgres and the workflow on the dev server. Goal: p50 < 300 ms.
func BenchmarkAuthorizeRoundTrip(b *testing.B) {
	all := setup(b, options{})
	all.link(b, all.orgs[0], all.account.Admins[0]) // the worker's pollers are warm then
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		callback := all.allow(b, all.offer(b, all.orgs[0]), all.account.Admins[0])
		b.StartTimer()
		started := time.Now()
		got := all.open(b, callback)
		took = append(took, time.Since(started))
		if !strings.Contains(got.location, "zoom=linked") {
			b.Fatalf("not linked: %d to %q", got.status, got.location)
		}
	}
	report(b, took)
}

// linksListed is how many links the org of the benchmarks has.
const linksListed = 5

// BenchmarkListLinks is GET link_accounts as a portal calls it: token, quota, query, keys,
// decryption and JSON. The bare query takes turns with it, so that both see the same
// machine: its p50 is bare_ms. Goal: ratio < 2.
func BenchmarkListLinks(b *testing.B) {
	all := setup(b, options{})
	o := all.fillLinks(b)
	handler := all.starter.Config.Handler
	var took, bare []time.Duration
	token := ""
	for b.Loop() {
		if len(took)%(access.RequestsPerHour-1) == 0 {
			token = all.newToken(b, o) // the one before has no requests left
		}
		request := httptest.NewRequest(http.MethodGet, accountsPath(o), nil)
		request.Header.Set("Authorization", "Token "+token)
		answer := httptest.NewRecorder()
		started := time.Now()
		handler.ServeHTTP(answer, request)
		took = append(took, time.Since(started))
		if answer.Code != http.StatusOK || strings.Count(answer.Body.String(), `"company":"Company"`) != linksListed {
			b.Fatalf("%d %s", answer.Code, answer.Body)
		}
		b.StopTimer()
		bare = append(bare, all.bareQuery(b, o))
		b.StartTimer()
	}
	report(b, took)
	slices.Sort(bare)
	b.ReportMetric(float64(bare[len(bare)/2].Microseconds())/1000, "bare_ms")
	b.ReportMetric(float64(took[len(took)/2])/float64(bare[len(bare)/2]), "ratio")
}

// BenchmarkListLinksBareQuery is the query under BenchmarkListLinks alone.
func BenchmarkListLinksBareQuery(b *testing.B) {
	all := setup(b, options{})
	o := all.fillLinks(b)
	var took []time.Duration
	for b.Loop() {
		took = append(took, all.bareQuery(b, o))
	}
	report(b, took)
}

func (b *bundle) bareQuery(t testing.TB, o *org) time.Duration {
	t.Helper()
	started := time.Now()
	rows, err := b.store.LinkedAccounts(t.Context(), o.id, provider.Zoom)
	took := time.Since(started)
	if err != nil || len(rows) != linksListed {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return took
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(milliseconds(took[len(took)/2]), "p50_ms")
	b.ReportMetric(milliseconds(took[len(took)*99/100]), "p99_ms")
}

// fillLinks links accounts to an org as the Authorize workflow leaves them.
func (b *bundle) fillLinks(t testing.TB) *org {
	t.Helper()
	o := b.orgs[0]
	for i := range linksListed {
		ref := provider.AccountRef{Provider: provider.Zoom, AccountID: fmt.Sprintf("account-%d", i)}
		accountKey, err := b.vault.Key(t.Context(), vault.AccountScope(ref))
		if err != nil {
			t.Fatal(err)
		}
		company, err := accountKey.Seal("company_sealed", []byte("Company"))
		if err != nil {
			t.Fatal(err)
		}
		linkKey, err := b.vault.Key(t.Context(), vault.LinkScope(ref, o.id))
		if err != nil {
			t.Fatal(err)
		}
		by, err := linkKey.SealPerson("linked_by_sealed", provider.Person{Name: secret.New("Ann Lee")})
		if err != nil {
			t.Fatal(err)
		}
		b.exec(t, "insert into accounts (provider, account_id, company_sealed) values ('zoom', $1, $2)", ref.AccountID, company)
		b.exec(t, `insert into links (provider, account_id, org_id, linked_by_sealed, last_sync_at, last_status) values ('zoom', $1, $2, $3, now(), 'success')`,
			ref.AccountID, o.id, by)
	}
	return o
}

func (b *bundle) newToken(t testing.TB, o *org) string {
	t.Helper()
	_, token, err := b.store.CreateToken(t.Context(), o.id, string(access.Admin))
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}
