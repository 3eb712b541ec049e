package authorize_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/activities"
	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/credentials"
	"callweave/internal/flows"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
	"callweave/workflows"
)

const (
	clientID     = "client"
	clientSecret = "client-secret-client-secret"
	portal       = "portal.example"
	forward      = "https://portal.example/settings?tab=apps"
	callbackPath = "/api/v1/oauth2/app/zoom/callback"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

// bundle is the whole backend and a worker on real Postgres and Temporal, and a simulated
// Zoom behind HTTP.
type bundle struct {
	world    *world.World
	window   *zoomwindow.Window
	zoomURL  string
	account  *world.Account
	ref      provider.AccountRef
	store    *store.Store
	pool     *pgxpool.Pool
	vault    *vault.Vault
	temporal client.Client
	flows    *flows.Flows
	starter  *httptest.Server
	manager  *credentials.Manager // of the worker
	log      *syncBuffer
	orgs     []*org
	ahead    atomic.Int64 // of the true time, for Zoom and us
}

// org is a tenant with a token of each role.
type org struct {
	id     uuid.UUID
	tokens map[access.Role]string
}

// options are what a test changes. Zero values are as in production, but for scopes.
type options struct {
	ahead       time.Duration
	patience    time.Duration // of a browser
	zoomTimeout time.Duration // of the worker's requests
	secret      string        // the worker's client secret
	redirect    string        // the worker's redirect URL
	starterAt   string        // the redirect URL of the starter
	scopes      []string
	oauth       zoomwindow.OAuthOptions
}

func (b *bundle) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// pass lets time pass for Zoom and us.
func (b *bundle) pass(d time.Duration) { b.ahead.Add(int64(d)) }

func setup(t testing.TB, o options) *bundle {
	t.Helper()
	config := world.DemoConfig(7)
	config.Accounts = 2
	simulated, err := world.New(config)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{world: simulated, account: simulated.Accounts[0], log: &syncBuffer{}}
	b.ahead.Store(int64(o.ahead))
	b.ref = refOf(b.account)
	logger := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	b.starter = httptest.NewUnstartedServer(nil)
	t.Cleanup(b.starter.Close)
	redirect := "http://" + b.starter.Listener.Addr().String() + callbackPath
	if o.scopes == nil {
		o.scopes = []string{"dashboard_meetings:read:admin", "user:read:admin"}
	}
	b.window = zoomwindow.New(simulated, zoomwindow.Config{
		Clients: []zoomwindow.Client{{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirect}, Scopes: o.scopes}},
		Now:     b.now, OAuth: o.oauth, Limits: &zoomwindow.Limits{},
	})
	cloud := httptest.NewServer(b.window)
	t.Cleanup(cloud.Close)
	b.zoomURL = cloud.URL
	b.openStore(t)
	b.host(t, logger, or(o.redirect, redirect), or(o.secret, clientSecret), o.zoomTimeout)
	b.serve(t, logger, or(o.starterAt, redirect), o.patience)
	b.orgs = []*org{b.addOrg(t), b.addOrg(t)}
	return b
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func refOf(account *world.Account) provider.AccountRef {
	return provider.AccountRef{Provider: provider.Zoom, AccountID: account.ID}
}

func (b *bundle) openStore(t testing.TB) {
	t.Helper()
	url := testenv.Postgres(t)
	var err error
	if b.store, err = store.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.pool.Close)
	b.vault = vault.New(newMaster(t), b.store)
}

func newMaster(t testing.TB) *vault.Master {
	t.Helper()
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return master
}

func (b *bundle) client(redirect, secretText string, timeout time.Duration) *zoom.Client {
	return zoom.New(zoom.Config{
		ClientID: clientID, ClientSecret: secret.New(secretText), RedirectURL: redirect,
		OAuthURL: b.zoomURL + "/oauth", APIURL: b.zoomURL + "/v2", Now: b.now, Meter: store.NewMeter(b.store, b.now),
		HTTP:   &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}},
		Limits: &zoom.Limits{HeavyPerSecond: 1e6, HeavyBurst: 100, ResourceIntensivePerMinute: 1e6, ResourceIntensiveBurst: 100},
	})
}

// host runs a worker with everything that a link needs.
func (b *bundle) host(t testing.TB, logger *slog.Logger, redirect, secretText string, timeout time.Duration) {
	t.Helper()
	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	var err error
	b.temporal, err = temporalclient.Dial(t.Context(),
		client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}, b.vault.Master(), logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.temporal.Close)
	b.flows = flows.New(b.temporal)
	linking := &activities.Links{Store: b.store, Vault: b.vault, Temporal: b.temporal}
	b.manager = credentials.New(b.store, b.vault, credentials.Config{Now: b.now, Failed: linking.LinksFailed}, b.client(redirect, secretText, timeout))
	linking.Credentials = b.manager
	hosted := worker.New(b.temporal, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	workflows.RegisterWorkflows(hosted)
	activities.Register(hosted, activities.Set{
		Links:     linking,
		Schedules: &activities.Schedules{Store: b.store, Temporal: b.temporal, HarvestInterval: 24 * time.Hour, DevicesInterval: 24 * time.Hour},
		Erasure:   &activities.Erasure{Store: b.store, Vault: b.vault, Credentials: b.manager},
		Harvest: activities.NewHarvest(b.store, b.vault, b.manager, activities.HarvestConfig{
			Interval: time.Hour, Lookback: 2 * time.Hour, SettleAfter: 30 * time.Minute, Now: b.now,
		}),
		Weaver: activities.NewWeaver(weave.New(b.store, b.vault, nil)),
	})
	if err := hosted.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hosted.Stop)
}

// serve starts the HTTP backend as `starter serve` builds it.
func (b *bundle) serve(t testing.TB, logger *slog.Logger, redirect string, patience time.Duration) {
	t.Helper()
	forwards, err := authorize.NewForwards("http://"+b.starter.Listener.Addr().String(), []string{portal})
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Config{
		Store: b.store, Links: links.NewReader(b.store, b.vault), Unlinker: links.NewUnlinker(b.store, b.flows),
		Gate: access.NewGate(b.store), Quota: access.NewQuota(), Logger: logger,
		Authorize: authorize.New(authorize.Config{
			Store: b.store, Master: b.vault.Master(), Runner: b.flows, Forwards: forwards, Logger: logger,
			Providers: []authorize.Provider{b.client(redirect, clientSecret, 0)}, Patience: patience, Now: b.now,
		}),
		Codec: api.CodecConfig{Codec: temporalclient.NewCodec(b.vault.Master())},
	})
	mux := http.NewServeMux()
	server.Register(mux)
	b.starter.Config.Handler = api.Wrap(logger, mux)
	b.starter.Start()
}

func (b *bundle) addOrg(t testing.TB) *org {
	t.Helper()
	o := &org{id: uuid.New(), tokens: map[access.Role]string{}}
	err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: o.id, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []access.Role{access.Admin, access.Observer, access.Helpdesk} {
		_, token, err := b.store.CreateToken(t.Context(), o.id, string(role))
		if err != nil {
			t.Fatal(err)
		}
		o.tokens[role] = token.Reveal()
	}
	return o
}

// answer is what a client or a browser got.
type answer struct {
	status   int
	location string
	body     string
}

// call sends an API request as an org's admin.
func (b *bundle) call(t testing.TB, o *org, method, path, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.starter.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Token "+o.tokens[access.Admin])
	return send(t, request)
}

func send(t testing.TB, request *http.Request) answer {
	t.Helper()
	// A redirect is an answer here.
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), string(body)}
}

func accountsPath(o *org) string {
	return "/api/v1/orgs/" + o.id.String() + "/setting/zoom/link_accounts"
}

// offer asks for an authorization URL as a portal does.
func (b *bundle) offer(t testing.TB, o *org) string {
	t.Helper()
	got := b.call(t, o, "GET", accountsPath(o)+"?forward="+url.QueryEscape(forward), "")
	var info struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	if err := json.Unmarshal([]byte(got.body), &info); err != nil || info.AuthorizationURL == "" {
		t.Fatalf("no authorization URL: %d %s (%v)", got.status, got.body, err)
	}
	return info.AuthorizationURL
}

// allow has an administrator allow us at Zoom and returns the callback's address, which is
// not opened yet.
func (b *bundle) allow(t testing.TB, authorizationURL string, admin *world.Person) string {
	t.Helper()
	callback, err := b.browser().Approve(t.Context(), authorizationURL, admin.Email)
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

func (b *bundle) browser() *zoomwindow.Browser {
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Path == callbackPath }
	return browser
}

// open opens an address as a browser does, without following redirects.
func (b *bundle) open(t testing.TB, address string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request)
}

// settle waits at the waiting page until the browser is sent on.
func (b *bundle) settle(t testing.TB, address string) answer {
	t.Helper()
	waiting := strings.Replace(address, "/callback?", "/pending?", 1)
	for got := b.open(t, address); ; got = b.open(t, waiting) {
		if got.status != http.StatusAccepted {
			return got
		}
	}
}

// link links the account to an org, from the first click on.
func (b *bundle) link(t testing.TB, o *org, admin *world.Person) {
	t.Helper()
	got := b.settle(t, b.allow(t, b.offer(t, o), admin))
	if !strings.Contains(got.location, "zoom=linked") {
		t.Fatalf("not linked: %d to %q: %s", got.status, got.location, got.body)
	}
}

// syncBuffer is written by servers while a test reads it.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
