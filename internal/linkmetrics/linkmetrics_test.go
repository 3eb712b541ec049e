package linkmetrics_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"callweave/internal/linkmetrics"
	"callweave/internal/store"
	"callweave/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// collect is what the metrics show, by name and labels; what is 0 is left out.
func collect(t *testing.T, reader metric.Reader) map[string]string {
	t.Helper()
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		for _, p := range m.Data.(metricdata.Gauge[int64]).DataPoints {
			if p.Value != 0 {
				got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = strconv.FormatInt(p.Value, 10)
			}
		}
	}
	return got
}

// Ages are those of accounts, however many orgs are linked to one; an account that never
// succeeded is as old as its link; an org without a network of its own has no age.
func TestLinksAreShown(t *testing.T) {
	t.Parallel()
	database := testenv.Postgres(t)
	s, err := store.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	first, second := uuid.New(), uuid.New()
	exec("insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'A', 'https://mist', '', $2)", first, now.Add(-20*time.Minute))
	exec("insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'B', '', '')", second)
	for _, account := range []string{"fresh", "never", "failed", "gone"} {
		exec("insert into accounts (provider, account_id) values ('zoom', $1)", account)
	}
	link := func(account string, org uuid.UUID, status string, linked time.Duration, synced any) {
		exec("insert into links (provider, account_id, org_id, linked_by_sealed, status, linked_at, last_sync_at) values ('zoom', $1, $2, '', $3, $4, $5)",
			account, org, status, now.Add(-linked), synced)
	}
	link("fresh", first, "active", 100*time.Hour, now.Add(-2*time.Minute))
	link("fresh", second, "active", 90*time.Hour, now.Add(-50*time.Hour)) // one harvest serves both
	link("never", second, "active", 2*time.Hour, nil)
	link("failed", first, "failed", 100*time.Hour, now.Add(-30*time.Hour))
	link("gone", first, "unlinking", 100*time.Hour, nil)
	exec("insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at, verdict, state) values ('zoom', 'failed', '', '{}', now(), 'revoked', 'dead'), ('zoom', 'fresh', '', '{}', now(), null, 'active')")
	exec("insert into receipts (provider, account_id, org_id, reason, fenced_at, last_link) values ('zoom', 'gone', $1, 'operator', $2, true)", first, now.Add(-7*time.Hour))
	exec("insert into receipts (provider, account_id, org_id, reason, fenced_at, finished_at, last_link, token_outcome) values ('zoom', 'old', $1, 'operator', $2, $2, true, 'pending')", first, now.Add(-9*time.Hour))

	reader := metric.NewManualReader()
	if err := linkmetrics.Register(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), s, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"callweave.data.age kind=active": "7200", "callweave.data.age kind=failed": "108000", "callweave.data.age kind=network": "1200",
		"callweave.data.sources kind=active": "2", "callweave.data.sources kind=failed": "1", "callweave.data.sources kind=network": "1",
		"callweave.data.stale kind=active,older_than=15m": "1", "callweave.data.stale kind=active,older_than=1h": "1",
		"callweave.data.stale kind=failed,older_than=15m": "1", "callweave.data.stale kind=failed,older_than=1h": "1",
		"callweave.data.stale kind=failed,older_than=6h": "1", "callweave.data.stale kind=failed,older_than=24h": "1",
		"callweave.data.stale kind=network,older_than=15m": "1",
		"callweave.links status=active":                    "3", "callweave.links status=failed": "1", "callweave.links status=unlinking": "1",
		"callweave.credentials verdict=ok": "1", "callweave.credentials verdict=revoked": "1",
		"callweave.erasures.unfinished stage=rows": "1", "callweave.erasures.unfinished stage=token": "1", "callweave.erasures.unfinished stage=histories": "1",
		"callweave.erasures.age stage=rows": "25200", "callweave.erasures.age stage=token": "32400", "callweave.erasures.age stage=histories": "32400",
	}
	if diff := cmp.Diff(want, collect(t, reader)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
