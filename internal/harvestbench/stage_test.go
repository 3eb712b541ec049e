package harvestbench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/credentials"
	"callweave/internal/proctime"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
)

// stage is a database in which an account is linked to some orgs.
type stage struct {
	b        *testing.B
	world    *world.World
	account  *world.Account
	ref      provider.AccountRef
	database string
	keyset   secret.Text
	pool     *pgxpool.Pool
	store    *store.Store
	vault    *vault.Vault
	grant    provider.Grant
}

// newStage links an account of the provider at zoomURL, whose world it is, to orgs.
func newStage(b *testing.B, w *world.World, zoomURL string, orgs int, now func() time.Time) *stage {
	b.Helper()
	s := &stage{b: b, world: w, account: w.Accounts[0], database: testenv.Postgres(b)}
	s.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: s.account.ID}
	var err error
	if s.pool, err = pgxpool.New(b.Context(), s.database); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.pool.Close)
	if s.store, err = store.Open(b.Context(), s.database); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.store.Close)
	if s.keyset, err = vault.NewKeyset(); err != nil {
		b.Fatal(err)
	}
	master, err := vault.OpenMaster(s.keyset)
	if err != nil {
		b.Fatal(err)
	}
	s.vault = vault.New(master, s.store)
	s.authorize(zoomURL, now)
	s.link(orgs)
	return s
}

func (s *stage) authorize(zoomURL string, now func() time.Time) {
	s.b.Helper()
	client := zoomClient(zoomURL, nil, now)
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(s.b.Context(), client.AuthorizationURL("state", secret.New(verifier)), s.account.Admins[0].Email)
	if err != nil {
		s.b.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		s.b.Fatal(err)
	}
	if s.grant, err = client.Exchange(s.b.Context(), secret.New(returned.Query().Get("code")), secret.New(verifier)); err != nil {
		s.b.Fatal(err)
	}
}

func (s *stage) link(orgs int) {
	s.b.Helper()
	key, err := s.vault.Key(s.b.Context(), vault.AccountScope(s.ref))
	if err != nil {
		s.b.Fatal(err)
	}
	sealed, err := credentials.Seal(key, s.grant)
	if err != nil {
		s.b.Fatal(err)
	}
	s.exec("insert into accounts (provider, account_id) values ($1, $2)", s.ref.Provider, s.ref.AccountID)
	s.exec("insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at) values ($1, $2, $3, $4, $5)",
		s.ref.Provider, s.ref.AccountID, sealed, s.grant.Scopes, s.grant.ExpiresAt)
	for range orgs {
		org := uuid.New()
		s.exec("insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')", org)
		s.exec("insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", s.ref.Provider, s.ref.AccountID, org)
	}
}

func (s *stage) exec(sql string, args ...any) {
	s.b.Helper()
	if _, err := s.pool.Exec(s.b.Context(), sql, args...); err != nil {
		s.b.Fatalf("%s: %v", sql, err)
	}
}

func (s *stage) number(sql string, args ...any) (n int) {
	s.b.Helper()
	if err := s.pool.QueryRow(s.b.Context(), sql, args...).Scan(&n); err != nil {
		s.b.Fatalf("%s: %v", sql, err)
	}
	return n
}

// render has the provider render every reply of the day ahead of time.
func (s *stage) render(zoomURL string) (done rendered) {
	s.b.Helper()
	request, err := http.NewRequestWithContext(s.b.Context(), http.MethodPost, zoomURL+renderPath, nil)
	if err != nil {
		s.b.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.grant.Access.Reveal())
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.b.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.b.Fatal(fmt.Errorf("render: status %d", answer.StatusCode))
	}
	if err := json.NewDecoder(answer.Body).Decode(&done); err != nil {
		s.b.Fatal(err)
	}
	return done
}

// watchCPU watches some processes and the stage's database.
func (s *stage) watchCPU(pids ...int) *proctime.Watch {
	return proctime.NewWatch(proctime.Postmaster(s.number("select pg_backend_pid()")), pids...)
}
