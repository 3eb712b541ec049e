package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/access"
	"callweave/internal/testenv"
)

// statement is one that the backend has run.
type statement struct {
	sql  string
	args []any
}

// watcher keeps the statements that read calls.
type watcher struct {
	mu   sync.Mutex
	seen []statement
}

func (w *watcher) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !strings.Contains(data.SQL, "call_minutes") && !strings.Contains(data.SQL, "matches") {
		return ctx
	}
	args := slices.DeleteFunc(slices.Clone(data.Args), func(arg any) bool { _, mode := arg.(pgx.QueryExecMode); return mode })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, statement{data.SQL, args})
	return ctx
}

func (w *watcher) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (w *watcher) take() []statement {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// node is a part of a plan.
type node struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Plans    []node `json:"Plans"`
}

func (n node) walk(visit func(node)) {
	visit(n)
	for _, plan := range n.Plans {
		plan.walk(visit)
	}
}

// manyCalls fills days with the calls of an org among those of others that have a score times
// as many.
func (b *bundle) manyCalls(t *testing.T, days int) {
	t.Helper()
	b.exec(t, "select ensure_partitions('call_minutes', $1, $2)", day, day.Add(time.Duration(days-1)*24*time.Hour))
	b.exec(t, `insert into matches (org_id, leg_id, provider, account_id, meeting_id, meeting_uuid, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
		select case when n % 20 = 0 then $1::uuid else $2::uuid end, n, 'zoom', 'a', 'm' || n / 4, md5((n / 4)::text)::uuid, case when n % 20 = 0 then $3::uuid else $4::uuid end,
			('aa' || lpad(to_hex(n % 300), 10, '0'))::macaddr, 'mac', 1, '', $5::timestamptz + n * interval '1 min' / 4, $5::timestamptz + n * interval '1 min' / 4 + interval '20 min'
		from generate_series(0, $6 * 5760 - 1) n`, b.org.id, b.other.id, b.org.site, b.other.site, day, days)
	b.exec(t, `insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, ap_mac, client_mac, bad, bucket)
		select org_id, leg_id, join_at + n * interval '1 min', join_at + (n + 1) * interval '1 min', provider, account_id, meeting_id, site_id, coalesce(client_mac), client_mac,
			leg_id % 100 < 3, case when leg_id % 100 < 3 then 'unknown' else '' end
		from matches, generate_series(0, 3) n where join_at + n * interval '1 min' < $1::timestamptz + $2 * interval '1 day'`, day, days)
	b.exec(t, "vacuum analyze matches, call_minutes")
}

var dayOfPartition = regexp.MustCompile(`^call_minutes_p(\d{8})$`)

// No reading of calls looks into a day that was not asked for, nor at all rows of one.
func TestPlansKeepToTheTimeAskedFor(t *testing.T) {
	t.Parallel()
	watch := &watcher{}
	b := setupOn(t, testenv.Postgres(t), watch)
	b.manyCalls(t, 6)
	asked := day.Add(2 * 24 * time.Hour)
	window := fmt.Sprintf("start=%d&end=%d", asked.Add(6*time.Hour).Unix(), asked.Add(30*time.Hour).Unix())
	leg := 13_500 // of the time asked for, bad
	meeting, mac := "", fmt.Sprintf("aa%010x", leg%300)
	if err := b.db.QueryRow(t.Context(), "select meeting_uuid::text from matches where leg_id = $1", leg).Scan(&meeting); err != nil {
		t.Fatal(err)
	}
	inside := []string{asked.Format("20060102"), asked.Add(24 * time.Hour).Format("20060102")}
	var queries []string
	for _, of := range []string{"sites/" + b.org.site.String(), "orgs/" + b.org.id.String()} {
		for _, what := range []string{
			"search?", "search?sort=-timestamp&", "search?sort=mac&limit=5&", "search?mac=" + mac + "&", "search?app=zoom&limit=1&", "search?meeting_id=" + meeting + "&",
			"count?", "count?distinct=meeting_id&", "summary?", "summary?ap_mac=" + mac + "&", "troubleshoot?", "troubleshoot?ap=" + mac + "&", "troubleshoot?mac=" + mac + "&",
			"troubleshoot?meeting_id=" + meeting + "&", "client/" + mac + "/troubleshoot?meeting_id=" + meeting + "&",
			"client/" + mac + "/timeline?", "client/" + mac + "/timeline?meeting_id=" + meeting + "&", "incidents?",
		} {
			queries = append(queries, "/api/v1/"+of+"/stats/calls/"+what+window)
		}
		queries = append(queries, "/api/v1/"+of+"/stats/calls/client/"+mac+"/timeline?meeting_id="+meeting) // of its own time
	}
	queries = append(queries, "/api/v1/orgs/"+b.org.id.String()+"/stats/calls/export?"+window, "/api/v1/orgs/"+b.org.id.String()+"/stats/calls/export?bad=true&"+window)
	looked := map[string]bool{}
	check := func(of string) {
		t.Helper()
		statements := watch.take()
		if len(statements) == 0 {
			t.Errorf("%s read no calls", of)
		}
		for _, s := range statements {
			examine := func(n node) {
				if n.Relation == "" {
					return
				}
				partition := dayOfPartition.FindStringSubmatch(n.Relation)
				if partition != nil && !slices.Contains(inside, partition[1]) {
					t.Errorf("%s looks into %s, which was not asked for", of, n.Relation)
				}
				if n.Type == "Seq Scan" && (partition != nil || n.Relation == "matches") {
					t.Errorf("%s reads all of %s:\n%s", of, n.Relation, s.sql)
				}
				looked[n.Relation] = true
			}
			b.explain(t, s, pgx.QueryExecModeCacheDescribe).walk(examine)
			b.explainKept(t, s).walk(examine)
		}
	}
	for _, target := range queries {
		for pages := 0; target != "" && pages < 2; pages++ {
			answer := b.do(t, "GET", target, "", b.org, access.Admin)
			if answer.Code != 200 {
				t.Fatalf("%s: %d %s", target, answer.Code, answer.Body)
			}
			check(target)
			if target = ""; strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") {
				target, _ = decode(t, answer)["next"].(string)
			}
		}
	}
	if _, err := b.store.WorstCalls(t.Context(), b.org.id, asked, asked.Add(24*time.Hour), 10); err != nil {
		t.Fatal(err)
	}
	check("the worst calls")
	if _, err := b.store.SiteMinutes(t.Context(), b.org.id, asked, asked.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check("the minutes of sites")
	for _, relation := range []string{"matches", "call_minutes_p" + inside[0], "call_minutes_p" + inside[1]} {
		if !looked[relation] {
			t.Errorf("nothing looked into %s: this compares nothing", relation)
		}
	}
	// What is held to the rule can break it.
	broken := b.explain(t, statement{"select count(*) from call_minutes where band = $1", []any{""}}, pgx.QueryExecModeCacheDescribe)
	found := 0
	broken.walk(func(n node) {
		if n.Type == "Seq Scan" && dayOfPartition.MatchString(n.Relation) {
			found++
		}
	})
	if found != 6 {
		t.Errorf("a reading of all days shows %d partitions", found)
	}
}

// explain returns the plan of a statement for its arguments.
func (b *bundle) explain(t *testing.T, s statement, mode pgx.QueryExecMode) node {
	t.Helper()
	var text []byte
	args := append([]any{mode}, s.args...)
	if err := b.db.QueryRow(t.Context(), "explain (format json) "+s.sql, args...).Scan(&text); err != nil {
		t.Fatalf("%v: %s", err, s.sql)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	return plans[0].Plan
}

// explainKept returns the plan that Postgres keeps for all arguments, as far as it is run for
// these.
func (b *bundle) explainKept(t *testing.T, s statement) node {
	t.Helper()
	b.exec(t, "prepare kept as "+s.sql)
	b.exec(t, "set plan_cache_mode = force_generic_plan")
	defer b.exec(t, "deallocate kept")
	defer b.exec(t, "set plan_cache_mode = auto")
	places, args := make([]string, len(s.args)), slices.Clone(s.args)
	for i := range args {
		places[i] = fmt.Sprintf("$%d", i+1)
		if mac, ok := args[i].(net.HardwareAddr); ok {
			args[i] = mac.String()
		}
	}
	execute := "execute kept"
	if len(args) > 0 {
		execute += " (" + strings.Join(places, ", ") + ")"
	}
	return b.explain(t, statement{execute, args}, pgx.QueryExecModeSimpleProtocol)
}
