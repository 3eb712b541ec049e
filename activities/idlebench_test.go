package activities

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"callweave/internal/child"
	"callweave/internal/localpg"
	"callweave/internal/localtemporal"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/temporalclient"
	"callweave/internal/vault"
)

// idle is a fleet of linked accounts with nothing new: everything around a worker that is
// a process of its own.
type idle struct {
	b        *testing.B
	accounts int
	interval time.Duration
	cycles   int

	cluster  *localpg.Cluster
	admin    *pgx.Conn // reads the statistics
	store    *store.Store
	vault    *vault.Vault
	keyset   secret.Text
	temporal *localtemporal.Server
	client   client.Client
	worker   *child.Process
	metrics  string // URL of the worker's
	refs     []provider.AccountRef
	refreshed,
	listed atomic.Int64 // requests that the provider answered
}

// idleSetting reads a whole number from the environment.
func idleSetting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s: want a whole number above 0", name)
	}
	return n
}

// BenchmarkIdle measures what accounts with nothing new cost: the worker in a process of
// its own, Postgres that keeps data safe over a power cut, Temporal as `make demo` starts
// it. It takes as long as it takes, once, and is asked for by `make bench-idle`:
//
//	CALLWEAVE_IDLE_ACCOUNTS=5000           how many are linked, each to an org of its own
//	CALLWEAVE_IDLE_INTERVAL_SECONDS=300    between two harvests of one
//	CALLWEAVE_IDLE_CYCLES=1                how often all are due while it is measured
//	CALLWEAVE_IDLE_TEMPORAL=memory         as tests start Temporal: nothing is written to a disk
func BenchmarkIdle(b *testing.B) {
	i := &idle{
		b: b, accounts: idleSetting(b, "CALLWEAVE_IDLE_ACCOUNTS", 0), cycles: idleSetting(b, "CALLWEAVE_IDLE_CYCLES", 1),
		interval: time.Duration(idleSetting(b, "CALLWEAVE_IDLE_INTERVAL_SECONDS", 300)) * time.Second,
	}
	if i.accounts == 0 || runtime.GOOS != "linux" {
		b.Skip("make bench-idle measures it, on Linux: it takes minutes")
	}
	i.startPostgres()
	i.seed()
	i.startTemporal()
	i.startWorker(i.startProvider())
	i.startSchedules()
	i.measure()
}

func (i *idle) check(err error) {
	i.b.Helper()
	if err != nil {
		i.b.Fatal(err)
	}
}

// startPostgres starts a cluster that counts statements.
func (i *idle) startPostgres() {
	ctx := i.b.Context()
	config := localpg.Config{Dir: filepath.Join(i.b.TempDir(), "postgres"), Durable: true}
	for _, setting := range []string{"alter system set shared_preload_libraries = 'pg_stat_statements'", ""} {
		var err error
		i.cluster, err = localpg.Start(ctx, config)
		i.check(err)
		password, err := os.ReadFile(filepath.Join(i.cluster.Dir(), "password"))
		i.check(err)
		options, err := pgx.ParseConfig(i.cluster.URL("postgres"))
		i.check(err)
		options.User, options.Password = "postgres", string(password)
		i.admin, err = pgx.ConnectConfig(ctx, options)
		i.check(err)
		if setting != "" {
			_, err = i.admin.Exec(ctx, setting)
			i.check(err)
			i.check(i.admin.Close(ctx))
			i.check(i.cluster.Stop(ctx))
		}
	}
	i.b.Cleanup(func() { i.stop("postgres", i.cluster.Stop) })
	i.check(i.cluster.CreateDatabase(ctx, "callweave", ""))
	_, err := i.admin.Exec(ctx, "create extension if not exists pg_stat_statements")
	i.check(err)
	url := i.cluster.URL("callweave")
	_, err = store.Migrate(ctx, url)
	i.check(err)
	i.store, err = store.Open(ctx, url)
	i.check(err)
	i.b.Cleanup(i.store.Close)
}

func (i *idle) stop(what string, stop func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := stop(ctx); err != nil {
		i.b.Logf("stop %s: %v", what, err)
	}
}

// seed links the accounts as if they had been harvested for hours. Access tokens, which
// live an hour, are of every age.
func (i *idle) seed() {
	ctx := i.b.Context()
	var err error
	i.keyset, err = vault.NewKeyset()
	i.check(err)
	master, err := vault.OpenMaster(i.keyset)
	i.check(err)
	i.vault = vault.New(master, i.store)
	i.refs = make([]provider.AccountRef, i.accounts)
	accounts, grants, expiries, orgs := make([]string, i.accounts), make([][]byte, i.accounts), make([]time.Time, i.accounts), make([]uuid.UUID, i.accounts)
	var group errgroup.Group
	group.SetLimit(8)
	for n := range i.accounts {
		group.Go(func() error {
			ref := provider.AccountRef{Provider: provider.Zoom, AccountID: fmt.Sprintf("idle-%06d", n)}
			key, err := i.vault.Key(ctx, vault.AccountScope(ref))
			if err != nil {
				return err
			}
			grant := provider.Grant{Access: secret.New("access-" + ref.AccountID), Refresh: secret.New("refresh-" + ref.AccountID)}
			sealed, err := key.SealGrant("grant_sealed", grant)
			life := 5*time.Minute + time.Duration(n)*55*time.Minute/time.Duration(i.accounts)
			i.refs[n], accounts[n], grants[n], orgs[n], expiries[n] = ref, ref.AccountID, sealed, uuid.New(), time.Now().Add(life)
			return err
		})
	}
	i.check(group.Wait())
	conn, err := pgx.Connect(ctx, i.cluster.URL("callweave"))
	i.check(err)
	defer conn.Close(ctx)
	for _, sql := range []string{
		`insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) select unnest($4::uuid[]), 'Org', 'http://127.0.0.1:9', '', now()`,
		`insert into accounts (provider, account_id) select 'zoom', unnest($1::text[])`,
		`insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at, authorized_at, refreshed_at)
			select 'zoom', unnest($1), unnest($2::bytea[]), '{dashboard_meetings:read:admin,user:read:admin}', unnest($3::timestamptz[]), now() - interval '1 day', now() - interval '1 hour'`,
		`insert into links (provider, account_id, org_id, linked_by_sealed, linked_at) select 'zoom', unnest($1), unnest($4), '', now() - interval '1 day'`,
		`insert into windows (provider, account_id, from_at, to_at, origin, state, meetings, listed_at)
			select 'zoom', a, to_at - case when n % 12 = 0 then interval '30 hours' else interval '125 minutes' end, to_at, 'live', 'listed', 0, to_at
			from unnest($1) with ordinality as accounts (a, position), generate_series(1, 24) n,
				lateral (select date_trunc('second', now()) - n * interval '5 minutes' - make_interval(secs => (position % 3600)::integer) as to_at) t`,
	} {
		_, err := conn.Exec(ctx, "with given as (select $1::text[], $2::bytea[], $3::timestamptz[], $4::uuid[]) "+sql, accounts, grants, expiries, orgs)
		i.check(err)
	}
	_, err = conn.Exec(ctx, "vacuum analyze")
	i.check(err)
}

func (i *idle) startTemporal() {
	ctx := i.b.Context()
	root, err := filepath.Abs("..")
	i.check(err)
	binary, err := localtemporal.FindBinary(root)
	i.check(err)
	config := localtemporal.Config{BinaryPath: binary, Dir: filepath.Join(i.b.TempDir(), "temporal")}
	if os.Getenv("CALLWEAVE_IDLE_TEMPORAL") == "memory" {
		config.Dir = ""
	}
	i.temporal, err = localtemporal.Start(ctx, config)
	i.check(err)
	i.b.Cleanup(func() { i.stop("temporal", i.temporal.Stop) })
	i.client, err = temporalclient.Dial(ctx, client.Options{HostPort: i.temporal.Address(), Namespace: i.temporal.Namespace()},
		i.vault.Master(), slog.New(slog.DiscardHandler))
	i.check(err)
	i.b.Cleanup(i.client.Close)
	i.check(temporalclient.RegisterSearchAttributes(ctx, i.client, i.temporal.Namespace()))
}

// startProvider serves a provider where no meeting ends.
func (i *idle) startProvider() string {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, _ *http.Request) {
		token := strconv.FormatInt(i.refreshed.Add(1), 10)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"access-%s","token_type":"bearer","refresh_token":"refresh-%s","expires_in":3600,"scope":"dashboard_meetings:read:admin user:read:admin"}`, token, token)
	})
	mux.HandleFunc("GET /v2/metrics/meetings", func(w http.ResponseWriter, _ *http.Request) {
		i.listed.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"page_count":0,"page_size":300,"total_records":0,"next_page_token":"","meetings":[]}`)
	})
	server := httptest.NewServer(mux)
	i.b.Cleanup(server.Close)
	return server.URL
}

func (i *idle) startWorker(zoomURL string) {
	ctx := i.b.Context()
	binary := filepath.Join(i.b.TempDir(), "worker")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "../worker")
	if out, err := build.CombinedOutput(); err != nil {
		i.b.Fatalf("build worker: %v\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(i.b.TempDir(), "worker.log"))
	i.check(err)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	i.check(err)
	address := listener.Addr().String()
	i.check(listener.Close())
	i.metrics = "http://" + address + "/metrics"
	command := exec.Command(binary)
	command.Env = append(os.Environ(),
		"DATABASE_URL="+i.cluster.URL("callweave"), "KEYSET="+i.keyset.Reveal(), "LISTEN_ADDR="+address, "LOG_LEVEL=warn",
		"TEMPORAL_ADDRESS="+i.temporal.Address(), "TEMPORAL_NAMESPACE="+i.temporal.Namespace(),
		"ZOOM_CLIENT_ID=id", "ZOOM_CLIENT_SECRET=secret", "ZOOM_OAUTH_URL="+zoomURL+"/oauth", "ZOOM_API_URL="+zoomURL+"/v2",
		"HARVEST_INTERVAL="+i.interval.String(), "FORWARD_HOSTS=127.0.0.1",
	)
	command.Stdout, command.Stderr = log, log
	i.worker, err = child.Start(command, syscall.SIGTERM)
	i.check(err)
	i.b.Cleanup(func() {
		select {
		case <-i.worker.Done():
		default:
			i.stop("worker", func(ctx context.Context) error { return i.worker.Stop(ctx, syscall.SIGTERM) })
		}
		if text, err := os.ReadFile(log.Name()); err == nil && len(text) > 0 {
			i.b.Logf("the worker's log begins (%d bytes):\n%s", len(text), text[:min(len(text), 1000)])
		}
	})
}

// startSchedules makes the accounts' schedules as a link does, but without a pass at once:
// these accounts were harvested before.
func (i *idle) startSchedules() {
	schedules := &Schedules{Temporal: i.client, HarvestInterval: i.interval}
	group, ctx := errgroup.WithContext(i.b.Context())
	group.SetLimit(16)
	for _, ref := range i.refs {
		group.Go(func() error {
			options := schedules.harvest(ref)
			options.TriggerImmediately = false
			_, err := i.client.ScheduleClient().Create(ctx, options)
			return err
		})
	}
	i.check(group.Wait())
	select {
	case <-i.worker.Done():
		i.b.Fatalf("the worker ended: %v", i.worker.Err())
	default:
	}
}

// sample is some of the accounts.
func (i *idle) sample(n int) []provider.AccountRef {
	every := max(1, len(i.refs)/n)
	return slices.Collect(func(yield func(provider.AccountRef) bool) {
		for at := 0; at < len(i.refs); at += every {
			if !yield(i.refs[at]) {
				return
			}
		}
	})
}
