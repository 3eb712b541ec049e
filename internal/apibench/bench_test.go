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
	"runtime/debug"
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
	"callweave/internal/insight"
	"callweave/internal/proctime"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

const (
	clients = 50
	rounds  = 7               // of each kind, over HTTP and bare in turn
	phase   = 2 * time.Second // of each way in a round
	warming = time.Second     // of each way before the rounds: connections, plans, what is read from disk
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
				return bareMinutes(ctx, alone, db.CallMinutesParams{
					OrgID: s.orgs[a.org].id, SiteID: &a.site, FromAt: a.from, ToAt: a.to, OnlyBad: true, MaxRows: 100,
				})
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
				return bareMinutes(ctx, alone, p)
			},
		},
	}
}

// bareMinutes reads bad minutes, and what they are explained by.
func bareMinutes(ctx context.Context, alone *store.Store, p db.CallMinutesParams) error {
	minutes, _, err := alone.CallMinutes(ctx, p)
	if err != nil || len(minutes) == 0 {
		return err
	}
	legs := make([]int64, len(minutes))
	for i := range minutes {
		legs[i] = minutes[i].LegID
	}
	slices.Sort(legs)
	_, err = alone.ExplanationBasis(ctx, p.OrgID, slices.Compact(legs))
	return err
}

// BenchmarkAPI asks over HTTP, and asks the database alone: the same statements through pgx on
// as many connections, for as many clients, with neither HTTP, nor a look at tokens and sites,
// nor explanations, nor traces, nor JSON.
//
// Both ways take turns, and what is compared is compared within a round: the median of the
// rounds is printed, with the least and the greatest ratio beside it, so that it shows where
// something else used the machine.
func BenchmarkAPI(b *testing.B) {
	s := open(b)
	debug.SetGCPercent(api.GCPercent) // for the bare statements, too, which are asked by the same program
	tokens := s.tokens(b)
	serving, alone := s.connect(b), s.connect(b, func(config *pgxpool.Config) { config.ConnConfig.Tracer = nil })
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // its lines cost what they do
	mux := http.NewServeMux()
	models, err := insight.NewModels(serving, nil)
	if err != nil {
		b.Fatal(err)
	}
	api.New(api.Config{
		Store: serving, Gate: access.NewGate(serving), Quota: access.NewQuota(), Logger: logger, Explainer: insight.NewExplainer(serving, models),
	}).Register(mux)
	server := httptest.NewServer(api.Wrap(logger, mux))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	calls := s.badCalls(b)

	for _, kind := range s.kinds() {
		b.Run(kind.name, func(b *testing.B) {
			overHTTP := func(ctx context.Context, a ask, random *rand.Rand) (int64, error) {
				org := a.org
				if strings.HasSuffix(kind.name, "call") {
					org = a.call.org
				}
				return get(ctx, client, server.URL+"/api/v1/sites/"+kind.path(a), tokens[org][random.IntN(len(tokens[org]))])
			}
			bare := func(ctx context.Context, a ask, _ *rand.Rand) (int64, error) { return 0, kind.bare(ctx, alone, a) }
			s.press(b, 0, warming, calls, bare)
			s.press(b, 0, warming, calls, overHTTP)
			var all comparison
			cpu := proctime.NewWatch(s.cluster.Pid(), os.Getpid())
			for b.Loop() {
				for round := 1; round <= rounds; round++ {
					var of [2]pressed // bare, over HTTP
					for turn := range of {
						way := (round + turn) % 2 // who begins changes, too
						cpu.Lap()
						of[way] = s.press(b, round, phase, calls, [...]func(context.Context, ask, *rand.Rand) (int64, error){bare, overHTTP}[way])
						of[way].cpu = cpu.Lap().Total() / float64(len(of[way].took))
					}
					all.add(of[0], of[1])
				}
			}
			all.report(b)
		})
	}
}

// press has all clients ask for a while.
func (s *stage) press(b *testing.B, round int, long time.Duration, calls []call, answer func(context.Context, ask, *rand.Rand) (int64, error)) (all pressed) {
	b.Helper()
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	began := time.Now()
	end := began.Add(long)
	for client := range clients {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(round), uint64(client))) // the same requests either way
			var mine pressed
			for time.Now().Before(end) {
				org := zipf(random, len(s.orgs))
				from := begin.Add(time.Duration(random.IntN(days)) * 24 * time.Hour)
				a := ask{org: org, site: s.orgs[org].sites[zipf(random, len(s.orgs[org].sites))], from: from, to: from.Add(24 * time.Hour), call: calls[random.IntN(len(calls))]}
				started := time.Now()
				size, err := answer(b.Context(), a, random)
				if err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
				mine.took, mine.bytes = append(mine.took, time.Since(started)), mine.bytes+size
			}
			mu.Lock()
			defer mu.Unlock()
			all.took, all.bytes = append(all.took, mine.took...), all.bytes+mine.bytes
		})
	}
	group.Wait()
	if failed != nil {
		b.Fatal(failed)
	}
	all.long = time.Since(began)
	slices.Sort(all.took)
	return all
}

func get(ctx context.Context, client *http.Client, target, token string) (size int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Token "+token)
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	// What the answers say is for the tests: here the client is to cost little, for it takes
	// from the same processors.
	size, err = io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || size == 0 {
		return size, fmt.Errorf("%s: status %d, %d bytes: %w", target, answer.StatusCode, size, err)
	}
	return size, nil
}

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
