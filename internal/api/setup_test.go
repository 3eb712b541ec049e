package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

const (
	publicURL = "https://callweave.example"
	uiOrigin  = "http://127.0.0.1:8233"
	accountID = "KkEM7orQSIWHZNFzwMLuRA"
	slashed   = "A/b" // must travel as A%2Fb
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.WithMigrations(migrate)) }

func migrate(ctx context.Context, url string) error {
	_, err := store.Migrate(ctx, url)
	return err
}

// org is a tenant with its tokens.
type org struct {
	id     uuid.UUID
	site   uuid.UUID
	tokens map[access.Role]string
}

// bundle is a whole backend on a database of its own, with Temporal played by hand.
type bundle struct {
	db      *pgx.Conn
	store   *store.Store
	vault   *vault.Vault
	flow    *flow
	zoom    *zoom
	handler http.Handler
	log     *syncBuffer
	quota   *access.Quota
	check   func(method, target string, answer *httptest.ResponseRecorder) error
	t       *testing.T
	org     org
	other   org
}

type option func(*api.Config, *authorize.Config)

func setup(t *testing.T, options ...option) *bundle {
	t.Helper()
	return setupOn(t, testenv.Postgres(t), nil, options...)
}

// setupOn is a backend on a database that is there, whose statements somebody may watch.
func setupOn(t *testing.T, url string, watch pgx.QueryTracer, options ...option) *bundle {
	t.Helper()
	ctx := t.Context()
	b := &bundle{flow: &flow{}, zoom: &zoom{}, log: &syncBuffer{}, quota: access.NewQuota()}
	var err error
	watched := func(config *pgxpool.Config) {
		if watch != nil {
			config.ConnConfig.Tracer = watch
		}
	}
	if b.store, err = store.Open(ctx, url, watched); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.db, err = pgx.Connect(ctx, url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.db.Close(context.Background()) })
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(master, b.store)
	b.flow.bundle = b
	b.org, b.other = b.addOrg(t), b.addOrg(t)

	forwards, err := authorize.NewForwards(publicURL, []string{"portal.example", "portal.example:8443"})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	authorizing := authorize.Config{
		Store: b.store, Master: master, Runner: b.flow, Forwards: forwards, Providers: []authorize.Provider{b.zoom}, Logger: logger,
	}
	config := api.Config{
		Store: b.store, Links: links.NewReader(b.store, b.vault), Unlinker: links.NewUnlinker(b.store, b.flow),
		Gate: access.NewGate(b.store), Quota: b.quota, Logger: logger,
		Vault: b.vault,
		Codec: api.CodecConfig{Codec: temporalclient.NewCodec(master), UIOrigin: uiOrigin},
	}
	for _, apply := range options {
		apply(&config, &authorizing)
	}
	config.Authorize = authorize.New(authorizing)
	mux := http.NewServeMux()
	api.New(config).Register(mux)
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("the-panic-value") })
	b.handler = api.Wrap(logger, mux)
	b.check, b.t = validator(t, api.OpenAPI()), t
	return b
}

func (b *bundle) addOrg(t *testing.T) org {
	t.Helper()
	o := org{id: uuid.New(), site: uuid.New(), tokens: map[access.Role]string{}}
	err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: o.id, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, "insert into sites (org_id, site_id, name) values ($1, $2, 'Site')", o.id, o.site)
	for _, role := range []access.Role{access.Admin, access.Observer, access.Helpdesk} {
		_, token, err := b.store.CreateToken(t.Context(), o.id, string(role))
		if err != nil {
			t.Fatal(err)
		}
		o.tokens[role] = token.Reveal()
	}
	return o
}

func (b *bundle) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// link makes a linked account as the Authorize workflow leaves it.
func (b *bundle) link(t *testing.T, o org, account, company, person string) {
	t.Helper()
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: account}
	accountKey, err := b.vault.Key(t.Context(), vault.AccountScope(ref))
	if err != nil {
		t.Fatal(err)
	}
	companySealed, err := accountKey.Seal("company_sealed", []byte(company))
	if err != nil {
		t.Fatal(err)
	}
	linkKey, err := b.vault.Key(t.Context(), vault.LinkScope(ref, o.id))
	if err != nil {
		t.Fatal(err)
	}
	linkedBy, err := linkKey.SealPerson("linked_by_sealed", provider.Person{UserID: "u1", Name: secret.New(person)})
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, "insert into accounts (provider, account_id, company_sealed) values ('zoom', $1, $2) on conflict do nothing", account, companySealed)
	b.exec(t, `insert into links (provider, account_id, org_id, linked_by_sealed, linked_at, max_daily_api_requests, last_sync_at, last_status)
		values ('zoom', $1, $2, $3, timestamptz 'epoch' + interval '1728275689.284758 s', 1500, timestamptz 'epoch' + interval '1665465339.5 s', 'success')`,
		account, o.id, linkedBy)
}

// do sends a request; role "" sends no token.
func (b *bundle) do(t *testing.T, method, target string, body string, o org, role access.Role) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	if role != "" {
		request.Header.Set("Authorization", "Token "+o.tokens[role])
	}
	return b.send(request)
}

func (b *bundle) send(request *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	b.handler.ServeHTTP(answer, request)
	b.described(request, answer)
	return answer
}

// flow plays Temporal.
type flow struct {
	bundle *bundle

	mu         sync.Mutex
	authorized []uuid.UUID
	unlinked   []string
	result     workflows.AuthorizeResult
	err        error
	hang       bool
}

func (f *flow) Authorize(ctx context.Context, id uuid.UUID) (workflows.AuthorizeResult, error) {
	f.mu.Lock()
	f.authorized = append(f.authorized, id)
	hang, result, err := f.hang, f.result, f.err
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return result, ctx.Err()
	}
	return result, err
}

func (f *flow) Unlink(ctx context.Context, ref provider.AccountRef, org uuid.UUID, reason string) (workflows.UnlinkResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unlinked = append(f.unlinked, workflows.LinkID(ref, org)+" by "+reason)
	_, err := f.bundle.store.Fence(ctx, ref, org, "test", reason)
	return workflows.UnlinkResult{FencedAt: time.Now()}, err
}

// zoom plays the provider's authorization page.
type zoom struct {
	mu    sync.Mutex
	state string
}

func (z *zoom) Name() provider.Name { return provider.Zoom }
func (z *zoom) AuthorizationURL(state string, _ secret.Text) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.state = state
	return "https://zoom.example/oauth/authorize?client_id=c&state=" + state
}

func decode(t *testing.T, answer *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(answer.Body)
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil {
		t.Fatalf("status %d, body is not JSON: %v", answer.Code, err)
	}
	return body
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*syncBuffer)(nil)

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
