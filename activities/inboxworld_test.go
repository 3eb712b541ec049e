package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/internal/api"
	"callweave/internal/credentials"
	"callweave/internal/flows"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
	"callweave/internal/zoom/webhook"
	"callweave/workflows"
)

const lifeClient = "client"

// webhookBundle is a whole Callweave that the simulated Zoom tells of what happens.
type webhookBundle struct {
	*lifeBundle

	world     *world.World
	pool      *pgxpool.Pool
	schedules *Schedules
	inbox     *reachable
}

// reachable is Temporal as the backend reaches it, or not.
type reachable struct {
	flows *flows.Flows
	down  bool
}

func (r *reachable) Arrived(ctx context.Context) error {
	if r.down {
		return errors.New("Temporal does not answer")
	}
	return r.flows.Arrived(ctx)
}

func setupWebhooks(t *testing.T, published bool) *webhookBundle {
	t.Helper()
	simulated, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	b := &webhookBundle{lifeBundle: &lifeBundle{account: simulated.Accounts[0]}, world: simulated}
	b.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}
	mux := http.NewServeMux()
	backend := httptest.NewServer(mux)
	t.Cleanup(backend.Close)
	b.window = zoomwindow.New(simulated, zoomwindow.Config{Clients: []zoomwindow.Client{{
		ID: lifeClient, Secret: "client-secret", RedirectURIs: []string{zoomRedirect},
		Scopes:     []string{"user:read:admin", "dashboard_meetings:read:admin"},
		WebhookURL: backend.URL + "/api/v1/webhooks/zoom", WebhookSecret: "webhook-secret", Published: published,
	}}})
	server := httptest.NewServer(b.window)
	t.Cleanup(server.Close)
	b.zoom = zoom.New(zoom.Config{
		ClientID: lifeClient, ClientSecret: secret.New("client-secret"), RedirectURL: zoomRedirect,
		OAuthURL: server.URL + "/oauth", APIURL: server.URL + "/v2",
	})
	database := testenv.Postgres(t)
	if b.store, err = store.Open(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	if b.pool, err = pgxpool.New(t.Context(), database); err != nil {
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
	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	b.temporal, err = temporalclient.Dial(t.Context(),
		client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}, master, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.temporal.Close)
	b.host(t)
	b.inbox = &reachable{flows: flows.New(b.temporal)}
	api.New(api.Config{Store: b.store, Logger: slog.New(slog.DiscardHandler), Webhooks: api.WebhookConfig{
		Verifier: webhook.NewVerifier(secret.New("webhook-secret"), nil), ClientID: lifeClient, Inbox: b.inbox,
	}}).Register(mux)
	return b
}

// host runs a worker that looks back a second only: its harvests find next to nothing.
func (b *webhookBundle) host(t *testing.T) {
	t.Helper()
	links := &Links{Store: b.store, Vault: b.vault, Temporal: b.temporal}
	manager := credentials.New(b.store, b.vault, credentials.Config{Failed: links.LinksFailed}, b.zoom)
	links.Credentials = manager
	b.schedules = &Schedules{Store: b.store, Temporal: b.temporal, HarvestInterval: time.Hour, DevicesInterval: time.Hour}
	hosted := worker.New(b.temporal, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	workflows.RegisterWorkflows(hosted)
	Register(hosted, Set{
		Links: links, Schedules: b.schedules,
		Sweeps:  &Sweeps{Store: b.store, Temporal: b.temporal, Schedules: b.schedules},
		Erasure: &Erasure{Store: b.store, Vault: b.vault, Credentials: manager},
		Inbox:   &Inbox{Store: b.store, Temporal: b.temporal},
		Weaver:  NewWeaver(weave.New(b.store, b.vault, nil)),
		Harvest: NewHarvest(b.store, b.vault, manager, HarvestConfig{Interval: time.Hour, Lookback: time.Second, SettleAfter: time.Minute}),
	})
	if err := hosted.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hosted.Stop)
}

// link links orgs to the account.
func (b *webhookBundle) link(t *testing.T, n int) (orgs []uuid.UUID) {
	t.Helper()
	for range n {
		org := b.org(t)
		if got := b.authorize(t, org, b.code(t)); got.ErrorCode != "" {
			t.Fatalf("authorize = %+v", got)
		}
		orgs = append(orgs, org)
	}
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): true})
	return orgs
}

// text is the one value of a query; "" where it finds nothing.
func (b *webhookBundle) text(t *testing.T, sql string, args ...any) string {
	t.Helper()
	var text *string
	err := b.pool.QueryRow(t.Context(), sql, args...).Scan(&text)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", sql, err)
	}
	if text == nil {
		return ""
	}
	return *text
}

// await waits until a query gives a value.
func (b *webhookBundle) await(t *testing.T, want, sql string, args ...any) {
	t.Helper()
	testenv.Eventually(t, func() string {
		if got := b.text(t, sql, args...); got != want {
			return fmt.Sprintf("%s: %q, want %q", sql, got, want)
		}
		return ""
	})
}

// awaitHarvests waits until n harvests have completed.
func (b *webhookBundle) awaitHarvests(t *testing.T, n int) {
	t.Helper()
	testenv.Eventually(t, func() string {
		got := 0
		for _, runs := range b.executions(t, "WorkflowType = 'Harvest' and ExecutionStatus = 'Completed'") {
			got += runs // two within a second have one id
		}
		if got != n {
			return fmt.Sprintf("%d harvests have completed, want %d", got, n)
		}
		return ""
	})
}

func (b *webhookBundle) statusOf(t *testing.T, org uuid.UUID) string {
	t.Helper()
	value, err := b.temporal.QueryWorkflow(t.Context(), workflows.LinkID(b.ref, org), "", workflows.StatusQuery)
	if err != nil {
		t.Fatal(err)
	}
	var state workflows.LinkState
	if err := value.Get(&state); err != nil {
		t.Fatal(err)
	}
	return state.Status
}

// receive looks into the inbox now and returns what it did.
func (b *webhookBundle) receive(t *testing.T) workflows.ReceiveResult {
	t.Helper()
	run, err := b.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "receive/" + uuid.NewString(), TaskQueue: workflows.TaskQueue},
		workflows.ReceiveWorkflow, workflows.ReceiveInput{})
	if err != nil {
		t.Fatal(err)
	}
	var result workflows.ReceiveResult
	if err := run.Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// requireUnlinked waits until every org's receipt is finished and says what it must.
func (b *webhookBundle) requireUnlinked(t *testing.T, orgs []uuid.UUID) {
	t.Helper()
	for _, org := range orgs {
		b.await(t, "provider", "select reason from receipts where org_id = $1 and finished_at is not null", org)
	}
	if got := b.text(t, "select string_agg(distinct token_outcome, ',') from receipts where last_link"); got != store.TokenAlreadyDead {
		t.Errorf("the account's token was %q, want %q", got, store.TokenAlreadyDead)
	}
	if got := b.text(t, "select (select count(*) from links) + (select count(*) from webhook_events where account_id is not null) || ''"); got != "0" {
		t.Errorf("%s links and events are left, want none", got)
	}
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): false})
}
