package activities

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"callweave/internal/collect"
	"callweave/internal/secret"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// How a simulated day goes by: the defaults of a worker's configuration.
const (
	freshInterval = 5 * time.Minute
	freshDevices  = time.Minute
	freshSettle   = 30 * time.Minute
)

// BenchmarkFreshness lives a simulated day, with a harvest every five minutes and a poll
// of the network every minute, and measures how long after Zoom shows a meeting its call
// minutes can be queried: the first of them, and all of them as they stay. The clock is
// the simulated one; what passes and polls themselves take is added to it.
func BenchmarkFreshness(b *testing.B) {
	for b.Loop() {
		day := liveDay(b)
		b.ReportMetric(day.first[len(day.first)/2].Seconds(), "first-p50-s")
		b.ReportMetric(day.first[len(day.first)*99/100].Seconds(), "first-p99-s")
		b.ReportMetric(day.whole[len(day.whole)/2].Seconds(), "whole-p50-s")
		b.ReportMetric(day.whole[len(day.whole)*99/100].Seconds(), "whole-p99-s")
		b.ReportMetric(freshInterval.Seconds(), "interval-s")
		b.ReportMetric((freshInterval + freshSettle).Seconds(), "interval+settle-s")
		b.ReportMetric(float64(len(day.first)), "meetings")
	}
}

// freshness is how long each meeting took, sorted.
type freshness struct{ first, whole []time.Duration }

func liveDay(tb testing.TB) freshness {
	tb.Helper()
	begin := harvestDay.Add(6 * time.Hour)
	b := harvestSetup{
		now: begin, lookback: time.Minute,
		world: func(c *world.Config) { c.Orgs, c.SitesPerOrg, c.PeoplePerOrg, c.MeetingsPerDay = 1, 2, 60, 120 },
	}.set(tb, 1)
	collector := b.network(tb)
	org := b.world.Orgs[0].ID
	weaver := weave.New(b.store, b.vault, nil)

	shown := map[string]time.Time{}
	for _, m := range b.world.MeetingsStarting(b.account, begin, begin.Add(24*time.Hour)) {
		shown[zoomwindow.MeetingID(m)] = m.EndAt.Add(time.Minute) // as the simulated Zoom lists them
	}
	first, whole := map[string]time.Duration{}, map[string]time.Duration{}
	look := func(took time.Duration) {
		rows, err := b.pool.Query(tb.Context(), `select c.meeting_id, bool_and(m.state = 'settled' and w.revision = m.revision)
			from call_minutes c join meetings m using (provider, account_id, meeting_id) join weaves w using (provider, account_id, meeting_id, org_id)
			group by 1`)
		if err != nil {
			tb.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var final bool
			if err := rows.Scan(&id, &final); err != nil {
				tb.Fatal(err)
			}
			at, ours := shown[id]
			if !ours {
				continue
			}
			waited := b.clock().Add(took).Sub(at)
			if _, known := first[id]; !known {
				first[id] = waited
			}
			if _, known := whole[id]; !known && final {
				whole[id] = waited
			}
		}
		if err := rows.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	for end := begin.Add(24 * time.Hour); b.clock().Before(end); b.advance(freshDevices) {
		started := time.Now()
		if _, err := collector.Collect(tb.Context(), org, func() {}); err != nil {
			tb.Fatal(err)
		}
		if b.clock().Sub(begin)%freshInterval == 0 {
			b.run(workflows.HarvestInput{})
		}
		for more := true; more; {
			woven, err := weaver.Weave(tb.Context(), b.ref, org, func() {})
			if err != nil {
				tb.Fatal(err)
			}
			more = woven.Ready > 0 && woven.Meetings > 0
		}
		look(time.Since(started))
	}
	if len(whole) == 0 {
		tb.Fatal("no meeting of the day can be queried")
	}
	return freshness{sorted(first), sorted(whole)}
}

// network lets the bundle's first org have one, and returns who polls it.
func (b *harvestBundle) network(tb testing.TB) *collect.Collector {
	tb.Helper()
	window := mistwindow.New(b.world, mistwindow.Config{Now: b.clock})
	server := httptest.NewServer(window)
	tb.Cleanup(server.Close)
	for _, org := range b.world.Orgs[:1] {
		token, err := b.vault.Master().SealText(vault.PurposeNetworkToken, secret.New(window.Issue(org.ID)))
		if err != nil {
			tb.Fatal(err)
		}
		b.exec("update orgs set mist_url = $2, mist_token_sealed = $3 where org_id = $1", org.ID, server.URL, token)
	}
	return collect.New(b.store, b.vault, collect.OpenMist(b.vault.Master(), server.Client(), b.clock), collect.Config{Now: b.clock, Lookback: time.Hour})
}

func sorted(of map[string]time.Duration) []time.Duration {
	var all []time.Duration
	for _, waited := range of {
		all = append(all, waited)
	}
	slices.Sort(all)
	return all
}
