package credentials

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
)

const (
	clientID     = "client"
	clientSecret = "client-secret-client-secret"
	redirectURL  = "https://callweave.test/callback"
	verifier     = "verifier-verifier-verifier-verifier-verifier-1"
)

func TestMain(m *testing.M) {
	if os.Getenv(envDatabase) != "" {
		if err := refreshAsProgram(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

// bundle is an account of a simulated Zoom that is linked to an org.
type bundle struct {
	window  *zoomwindow.Window
	account *world.Account
	server  *httptest.Server
	zoom    *zoom.Client
	store   *store.Store
	vault   *vault.Vault
	manager *Manager
	ref     provider.AccountRef
	org     uuid.UUID
	ahead   atomic.Int64 // of the true time, for Zoom and us

	told     atomic.Int32 // links that failed, as the manager told
	database string
	keyset   secret.Text
	pool     *pgxpool.Pool // beside the store's
}

func (b *bundle) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// pass lets time pass.
func (b *bundle) pass(d time.Duration) { b.ahead.Add(int64(d)) }

func setup(t *testing.T, change func(*zoomwindow.OAuthOptions)) *bundle {
	t.Helper()
	simulated, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{account: simulated.Accounts[0], org: uuid.New()}
	config := zoomwindow.Config{
		Clients: []zoomwindow.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL},
			Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		}},
		Now: b.now,
	}
	if change != nil {
		change(&config.OAuth)
	}
	b.window = zoomwindow.New(simulated, config)
	b.server = httptest.NewServer(b.window)
	t.Cleanup(b.server.Close)
	b.zoom = b.client(clientSecret)

	b.database = testenv.Postgres(t)
	if b.store, err = store.Open(t.Context(), b.database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(t.Context(), b.database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	if b.keyset, err = vault.NewKeyset(); err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(b.keyset)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(master, b.store)
	b.manager = b.worker(b.zoom)
	b.link(t)
	return b
}

func (b *bundle) client(secretText string) *zoom.Client {
	return zoom.New(zoom.Config{
		ClientID: clientID, ClientSecret: secret.New(secretText), RedirectURL: redirectURL,
		OAuthURL: b.server.URL + "/oauth", APIURL: b.server.URL + "/v2", Now: b.now,
	})
}

// worker is a manager as another process would have it.
func (b *bundle) worker(service provider.Service) *Manager {
	return New(b.store, b.vault, Config{Now: b.now, Failed: func(_ context.Context, _ provider.AccountRef, orgs []uuid.UUID) {
		b.told.Add(int32(len(orgs)))
	}}, service)
}

// authorize has the account's owner allow us once more.
func (b *bundle) authorize(t *testing.T) provider.Grant {
	t.Helper()
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(t.Context(), b.zoom.AuthorizationURL("state", secret.New(verifier)), b.account.Admins[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := b.zoom.Exchange(t.Context(), secret.New(returned.Query().Get("code")), secret.New(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

func (b *bundle) link(t *testing.T) {
	t.Helper()
	b.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}
	if _, err := b.store.Org(t.Context(), b.org); err != nil {
		if err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: b.org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}}); err != nil {
			t.Fatal(err)
		}
	}
	grant := b.authorize(t)
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []vault.Scope{vault.LinkScope(b.ref, b.org), vault.OrgScope(b.org)} {
		if _, err := b.vault.Key(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := Seal(key, grant)
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	err = b.store.OfferAuthorization(t.Context(), db.OfferAuthorizationParams{
		AuthorizationID: id, OrgID: b.org, Provider: string(provider.Zoom), RequestedBy: "test", ForwardUrl: "https://portal.example",
		VerifierSealed: []byte{}, ExpiresAt: time.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.ReturnAuthorization(t.Context(), id, []byte("code"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := b.store.KeepGrant(t.Context(), id, []byte("in transit")); err != nil {
		t.Fatal(err)
	}
	err = b.store.Land(t.Context(), store.Landing{
		AuthorizationID: id, RequestedBy: "test", Ref: b.ref, OrgID: b.org, GrantSealed: sealed, Scopes: grant.Scopes,
		MissingScopes: []string{}, AccessExpiresAt: grant.ExpiresAt, LinkedBySealed: []byte{},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// row is the credential as stored.
func (b *bundle) row(t *testing.T) db.Credential {
	t.Helper()
	row, err := b.store.Credential(t.Context(), b.ref)
	if err != nil {
		t.Fatal(err)
	}
	return row.Credential
}

// refreshes is how often Zoom gave a new pair for the newest authorization.
func (b *bundle) refreshes() int {
	grants := b.window.Grants()
	return grants[len(grants)-1].Refreshes
}

func (b *bundle) spoil(t *testing.T, fault zoomwindow.Fault) {
	t.Helper()
	fault.Path, fault.GrantType = "^/oauth/token$", "refresh_token"
	if _, err := b.window.Faults.Add(fault); err != nil {
		t.Fatal(err)
	}
}
