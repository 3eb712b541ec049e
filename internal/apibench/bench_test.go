package apibench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/proctime"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

const (
	clients = 50
	rounds  = 5               // of each kind, over HTTP and bare in turn, so that both see the machine alike
	phase   = 2 * time.Second // of a round
)

// call is a bad one, to be troubleshot.
type call struct {
	org     int
	site    uuid.UUID
	mac     net.HardwareAddr
	meeting uuid.UUID
}

// ask is a request that both ways answer: of a site and a day, or of a bad call.
type ask struct {
	org      int
	site     uuid.UUID
	from, to time.Time
	call     call
}

// kind is what is asked for: over HTTP, and of the database alone.
type kind struct {
	name string
	path func(ask) string
	bare func(context.Context, *store.Store, ask) error
}

func (s *stage) kinds() []kind {
	day := func(a ask) string { return fmt.Sprintf("start=%d&end=%d", a.from.Unix(), a.to.Unix()) }
	return []kind{
		{
			"search", func(a ask) string { return a.site.String() + "/stats/calls/search?" + day(a) },
			func(ctx context.Context, alone *store.Store, a ask) error {
				_, _, err := alone.SearchCalls(ctx, db.SearchCallsParams{OrgID: s.orgs[a.org].id, SiteID: &a.site, FromAt: a.from, ToAt: a.to, MaxRows: 101})
				return err
			},
		},
		{
			"summary", func(a ask) string { return a.site.String() + "/stats/calls/summary?" + day(a) },
			func(ctx context.Context, alone *store.Store, a ask) error {
				_, err := alone.SummarizeCalls(ctx, db.SummarizeCallsParams{OrgID: s.orgs[a.org].id, SiteID: a.site, FromAt: a.from, ToAt: a.to})
				return err
			},
		},
		{
			"troubleshoot, a site's day", func(a ask) string { return a.site.String() + "/stats/calls/troubleshoot?" + day(a) },
			func(ctx context.Context, alone *store.Store, a ask) error {
				_, _, err := alone.CallMinutes(ctx, db.CallMinutesParams{
					OrgID: s.orgs[a.org].id, SiteID: &a.site, FromAt: a.from, ToAt: a.to, OnlyBad: true, MaxRows: 100,
				})
				return err
			},
		},
		{
			"troubleshoot, a call", func(a ask) string {
				return a.call.site.String() + "/stats/calls/client/" + strings.ReplaceAll(a.call.mac.String(), ":", "") + "/troubleshoot?meeting_id=" + a.call.meeting.String()
			},
			func(ctx context.Context, alone *store.Store, a ask) error {
				org := s.orgs[a.call.org].id
				legs, err := alone.MeetingLegs(ctx, org, a.call.meeting)
				if err != nil {
					return err
				}
				p := db.CallMinutesParams{
					OrgID: org, SiteID: &a.call.site, ClientMac: a.call.mac, FromAt: legs[0].JoinAt.Add(-time.Hour), ToAt: legs[0].LeaveAt.Add(time.Hour),
					OnlyBad: true, MaxRows: 100,
				}
				for _, leg := range legs {
					p.LegIds = append(p.LegIds, leg.LegID)
				}
				_, _, err = alone.CallMinutes(ctx, p)
				return err
			},
		},
	}
}

// BenchmarkAPI asks over HTTP, and asks the database alone: the same statements through pgx
// on as many connections, for as many clients, with neither HTTP, nor a look at tokens and
// sites, nor traces, nor JSON.
func BenchmarkAPI(b *testing.B) {
	s := open(b)
	tokens := s.tokens(b)
	serving, alone := s.connect(b), s.connect(b, func(config *pgxpool.Config) { config.ConnConfig.Tracer = nil })
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // its lines cost what they do
	mux := http.NewServeMux()
	api.New(api.Config{Store: serving, Gate: access.NewGate(serving), Quota: access.NewQuota(), Logger: logger}).Register(mux)
	server := httptest.NewServer(api.Wrap(logger, mux))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	calls := s.badCalls(b)

	for _, kind := range s.kinds() {
		b.Run(kind.name, func(b *testing.B) {
			overHTTP := func(ctx context.Context, a ask, random *rand.Rand) error {
				org := a.org
				if strings.HasSuffix(kind.name, "call") {
					org = a.call.org
				}
				return get(ctx, client, server.URL+"/api/v1/sites/"+kind.path(a), tokens[org][random.IntN(len(tokens[org]))])
			}
			bare := func(ctx context.Context, a ask, _ *rand.Rand) error { return kind.bare(ctx, alone, a) }
			var served, read []time.Duration
			var readCPU, servedCPU float64 // seconds of processor time, then for each answer
			cpu := proctime.NewWatch(s.postmaster, os.Getpid())
			for b.Loop() {
				for round := range rounds {
					cpu.Lap()
					read = append(read, s.press(b, round, calls, bare)...)
					readCPU += cpu.Lap().Total()
					served = append(served, s.press(b, round, calls, overHTTP)...)
					servedCPU += cpu.Lap().Total()
				}
			}
			readCPU, servedCPU = readCPU/float64(len(read)), servedCPU/float64(len(served))
			b.ReportMetric(servedCPU*1000, "http-cpu-ms")
			b.ReportMetric(servedCPU/readCPU, "cpu-ratio")
			b.ReportMetric(ms(quantile(served, 0.5)), "http-p50-ms")
			b.ReportMetric(ms(quantile(served, 0.99)), "http-p99-ms")
			b.ReportMetric(ms(quantile(read, 0.5)), "bare-p50-ms")
			b.ReportMetric(ms(quantile(read, 0.99)), "bare-p99-ms")
			b.ReportMetric(ms(quantile(served, 0.99))/ms(quantile(read, 0.99)), "p99-ratio")
			b.ReportMetric(float64(len(served))/float64(b.N)/rounds/phase.Seconds(), "requests/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// press has all clients ask for a while, and returns how long each answer took.
func (s *stage) press(b *testing.B, round int, calls []call, answer func(context.Context, ask, *rand.Rand) error) []time.Duration {
	b.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var group sync.WaitGroup
	end := time.Now().Add(phase)
	for client := range clients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(round), uint64(client))) // the same requests either way
			var took []time.Duration
			for time.Now().Before(end) {
				org := zipf(random, len(s.orgs))
				from := begin.Add(time.Duration(random.IntN(days)) * 24 * time.Hour)
				a := ask{org: org, site: s.orgs[org].sites[zipf(random, len(s.orgs[org].sites))], from: from, to: from.Add(24 * time.Hour), call: calls[random.IntN(len(calls))]}
				started := time.Now()
				if err := answer(b.Context(), a, random); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
				took = append(took, time.Since(started))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	group.Wait()
	if failed != nil {
		b.Fatal(failed)
	}
	return all
}

func get(ctx context.Context, client *http.Client, target, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Token "+token)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	// What the answers say is for the tests: here the client is to cost little, for it takes
	// from the same processors.
	if n, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK || n == 0 {
		return fmt.Errorf("%s: status %d, %d bytes: %w", target, answer.StatusCode, n, err)
	}
	return nil
}

func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// connect opens the store as the API does.
func (s *stage) connect(b *testing.B, options ...store.Option) *store.Store {
	b.Helper()
	opened, err := store.Open(b.Context(), s.url, options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(opened.Close)
	return opened
}

// tokens are many of each org: each has its hourly quota.
func (s *stage) tokens(b *testing.B) [][]string {
	b.Helper()
	admin := s.connect(b)
	all := make([][]string, len(s.orgs))
	for i := range s.orgs {
		for range 60 {
			_, token, err := admin.CreateToken(b.Context(), s.orgs[i].id, string(access.Helpdesk))
			if err != nil {
				b.Fatal(err)
			}
			all[i] = append(all[i], token.Reveal())
		}
	}
	return all
}

func (s *stage) badCalls(b *testing.B) []call {
	b.Helper()
	index := map[uuid.UUID]int{}
	for i := range s.orgs {
		index[s.orgs[i].id] = i
	}
	rows, err := s.pool.Query(b.Context(), `select m.org_id, m.site_id, m.client_mac, m.meeting_uuid
		from (select distinct org_id, leg_id from call_minutes tablesample bernoulli (2) repeatable (1) where bad limit 5000) bad join matches m using (org_id, leg_id)`)
	if err != nil {
		b.Fatal(err)
	}
	calls, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c call, err error) {
		var org uuid.UUID
		err = row.Scan(&org, &c.site, &c.mac, &c.meeting)
		c.org = index[org]
		return c, err
	})
	if err != nil || len(calls) == 0 {
		b.Fatalf("%d bad calls, %v", len(calls), err)
	}
	return calls
}
