package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"callweave/internal/credentials"
	"callweave/internal/flows"
	"callweave/internal/links"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
	"callweave/workflows"
)

// historyStage is where histories are lived, one after the other: a database, a Temporal
// namespace, a worker that can be killed, and a Zoom that is another one for each history.
type historyStage struct {
	url      string
	pool     *pgxpool.Pool
	store    *store.Store
	master   *vault.Master
	vault    *vault.Vault
	options  client.Options
	temporal client.Client
	flows    *flows.Flows
	unlinker *links.Unlinker

	zoomURL string
	window  atomic.Pointer[zoomwindow.Window]
	manager *credentials.Manager // of another process than the worker
	zoom    *zoom.Client

	troubles *troubles
	workers  int
	worker   *mortal
}

func newHistoryStage(t *testing.T) *historyStage {
	t.Helper()
	s := &historyStage{url: testenv.Postgres(t), troubles: &troubles{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.window.Load().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.zoomURL = server.URL
	var err error
	if s.pool, err = pgxpool.New(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.pool.Close)
	if s.store, err = store.Open(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.store.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	if s.master, err = vault.OpenMaster(keyset); err != nil {
		t.Fatal(err)
	}
	s.vault = vault.New(s.master, s.store)
	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	s.options = client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}
	if s.temporal, err = temporalclient.Dial(t.Context(), s.options, s.master, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.temporal.Close)
	s.flows = flows.New(s.temporal)
	s.unlinker = links.NewUnlinker(s.store, s.flows)
	s.zoom = s.zoomClient(http.DefaultTransport)
	s.manager = credentials.New(s.store, s.vault, credentials.Config{}, s.zoom)
	if err := s.startWorker(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.worker.end(context.WithoutCancel(t.Context()), s.pool, false) })
	return s
}

func (s *historyStage) zoomClient(transport http.RoundTripper) *zoom.Client {
	return zoom.New(zoom.Config{
		ClientID: "client", ClientSecret: secret.New("client-secret"), RedirectURL: zoomRedirect,
		OAuthURL: s.zoomURL + "/oauth", APIURL: s.zoomURL + "/v2", HTTP: &http.Client{Transport: transport, Timeout: 10 * time.Second},
	})
}

// mortal is a worker with connections of its own, that end with it.
type mortal struct {
	name   string
	host   worker.Worker
	client client.Client
	store  *store.Store
	dead   atomic.Bool
}

// startWorker builds everything that a worker is made of, as main does.
func (s *historyStage) startWorker(ctx context.Context) (err error) {
	s.workers++
	m := &mortal{name: fmt.Sprintf("worker-%d", s.workers)}
	if m.store, err = store.Open(ctx, s.url+parameter(s.url)+"application_name="+m.name); err != nil {
		return err
	}
	if m.client, err = temporalclient.Dial(ctx, s.options, s.master, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	sealed := vault.New(s.master, m.store)
	manager := credentials.New(m.store, sealed, credentials.Config{}, s.zoomClient(m))
	m.host = worker.New(m.client, workflows.TaskQueue, worker.Options{
		DisableRegistrationAliasing: true, Interceptors: []interceptor.WorkerInterceptor{s.troubles},
	})
	workflows.RegisterWorkflows(m.host)
	schedules := &Schedules{Store: m.store, Temporal: m.client, HarvestInterval: time.Hour, DevicesInterval: time.Hour}
	Register(m.host, Set{
		Links:     &Links{Store: m.store, Vault: sealed, Credentials: manager, Temporal: m.client},
		Schedules: schedules,
		Erasure:   &Erasure{Store: m.store, Vault: sealed, Credentials: manager},
		Sweeps:    &Sweeps{Store: m.store, Temporal: m.client, Schedules: schedules},
		Inbox:     &Inbox{Store: m.store, Temporal: m.client},
	})
	// Neither meetings nor networks: a harvest asks for a token and has nothing to do.
	registerAll(m.host, map[string]any{
		workflows.PlanActivity: func(ctx context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
			_, _ = manager.Access(ctx, in.AccountRef) // fenced, or dead
			return workflows.PlanHarvestResult{HeldBy: "nobody"}, nil
		},
		workflows.CollectDevicesActivity: func(context.Context, workflows.CollectDevicesInput) (workflows.CollectedDevices, error) {
			return workflows.CollectedDevices{}, nil
		},
	})
	s.worker = m
	return m.host.Start()
}

func parameter(url string) string {
	if strings.Contains(url, "?") {
		return "&"
	}
	return "?"
}

// end ends the worker as a crash would: what it asked Zoom for has happened and is not
// heard of, what it did not commit is lost. A silent one does not even tell Temporal.
func (m *mortal) end(ctx context.Context, pool *pgxpool.Pool, silent bool) {
	m.dead.Store(true)
	_, _ = pool.Exec(ctx, `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()`, m.name)
	if silent {
		m.client.Close()
	}
	m.host.Stop()
	m.client.Close()
	m.store.Close()
}

var errKilled = errors.New("the worker was killed")

// RoundTrip implements http.RoundTripper: replies reach a living worker only.
func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.dead.Load() {
		return nil, errKilled
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if m.dead.Load() && err == nil {
		_ = response.Body.Close()
		return nil, errKilled
	}
	return response, err
}

// crash kills the worker and starts another one.
func (s *historyStage) crash(ctx context.Context, silent bool) error {
	s.worker.end(ctx, s.pool, silent)
	return s.startWorker(ctx)
}
