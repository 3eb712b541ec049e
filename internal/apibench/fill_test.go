package apibench

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

const days = 30

// begin is the first of the days.
var begin = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// tenant is an org with its share of the minutes. Both orgs and sites are of very different
// sizes: the n-th has an n-th of what the first one has (Zipf).
type tenant struct {
	id      uuid.UUID
	ref     provider.AccountRef
	perDay  int // call minutes
	sites   []uuid.UUID
	clients int // of the largest site
}

func tenants(minutes int) []tenant {
	const orgs = 8
	all, harmonic := make([]tenant, orgs), 0.0
	for i := range all {
		harmonic += 1 / float64(i+1)
	}
	for i := range all {
		t := &all[i]
		t.id = uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "org %d", i))
		t.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: fmt.Sprintf("account-%d", i)}
		t.perDay = int(float64(minutes) / days / float64(i+1) / harmonic)
		t.clients = max(5, t.perDay/250)
		for j := range 12 {
			t.sites = append(t.sites, uuid.NewSHA1(t.id, fmt.Appendf(nil, "site %d", j)))
		}
	}
	return all
}

// zipf picks one of n, the first the most often.
func zipf(random *rand.Rand, n int) int {
	return int(rand.NewZipf(random, 1.1, 1, uint64(n-1)).Uint64())
}

// fill lands minutes as weaving does.
func (s *stage) fill(b *testing.B) {
	b.Helper()
	into, err := store.Open(b.Context(), s.url)
	if err != nil {
		b.Fatal(err)
	}
	defer into.Close()
	started := time.Now()
	var legs, minutes atomic.Int64
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(2)
	for i := range s.orgs {
		t := &s.orgs[i]
		if err := s.addTenant(ctx, t); err != nil {
			b.Fatal(err)
		}
		group.Go(func() error {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for day := range days {
				if err := t.fillDay(ctx, into, random, begin.Add(time.Duration(day)*24*time.Hour), &legs, &minutes); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{"vacuum analyze", "comment on table call_minutes is 'filled'"} {
		if _, err := s.pool.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("filled with %d call minutes of %d legs in %s", minutes.Load(), legs.Load(), time.Since(started).Round(time.Second))
}

func (s *stage) addTenant(ctx context.Context, t *tenant) error {
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')", []any{t.id}},
		{"insert into accounts (provider, account_id) values ($1, $2)", []any{t.ref.Provider, t.ref.AccountID}},
		{"insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", []any{t.ref.Provider, t.ref.AccountID, t.id}},
		{"insert into sites (org_id, site_id, name) select $1, unnest($2::uuid[]), 'Site'", []any{t.id, t.sites}},
	} {
		if _, err := s.pool.Exec(ctx, statement.sql, statement.args...); err != nil {
			return fmt.Errorf("add org: %w", err)
		}
	}
	return nil
}

func (t *tenant) fillDay(ctx context.Context, into *store.Store, random *rand.Rand, day time.Time, legs, minutes *atomic.Int64) error {
	for left := t.perDay; left > 0; {
		var together []store.WeaveLanding
		for have := 0; have < 5000 && left > 0; {
			landing := t.meeting(random, day, legs, left)
			together = append(together, landing)
			have += len(landing.Minutes)
			left -= len(landing.Minutes)
			minutes.Add(int64(len(landing.Minutes)))
		}
		if _, err := into.LandWeaves(ctx, t.ref, t.id, 0, together); err != nil {
			return err
		}
	}
	return nil
}

// meeting is of some people, at one site or two, within the day's working hours.
func (t *tenant) meeting(random *rand.Rand, day time.Time, legs *atomic.Int64, most int) store.WeaveLanding {
	id := uuid.UUID{}
	binary.LittleEndian.PutUint64(id[:8], random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], random.Uint64())
	landing := store.WeaveLanding{MeetingID: base64.StdEncoding.EncodeToString(id[:]), Revision: 1}
	at := day.Add(7*time.Hour + time.Duration(random.IntN(11*60))*time.Minute)
	length := 10 + random.IntN(50)
	sites := [2]int{zipf(random, len(t.sites)), zipf(random, len(t.sites))}
	for range 2 + random.IntN(8) {
		if most < length {
			length = max(1, most)
		}
		if most <= 0 {
			break
		}
		most -= length
		site := sites[random.IntN(2)]
		client := random.IntN(max(5, t.clients/(site+1)))
		mac := net.HardwareAddr{0xaa, byte(site), 0, byte(client >> 16), byte(client >> 8), byte(client)}
		ap := net.HardwareAddr{0x5c, byte(site), 0, 0, byte(client % 40 >> 8), byte(client % 40)}
		leg := legs.Add(1)
		leave := at.Add(time.Duration(length) * time.Minute)
		landing.Matches = append(landing.Matches, db.CopyMatchesParams{
			OrgID: t.id, LegID: leg, Provider: "zoom", AccountID: t.ref.AccountID, MeetingID: landing.MeetingID, MeetingUuid: &id, SiteID: t.sites[site],
			ClientMac: mac, Rule: "mac", Confidence: 1, PersonSealed: make([]byte, 120), JoinAt: at, LeaveAt: leave, AudioQuality: "good", VideoQuality: "fair",
		})
		troubled := random.IntN(10) == 0 // a tenth of the legs has most of what is bad
		for minute := range length {
			landing.Minutes = append(landing.Minutes, t.minute(random, landing.MeetingID, leg, t.sites[site], mac, ap, at.Add(time.Duration(minute)*time.Minute), troubled))
		}
	}
	return landing
}

func (t *tenant) minute(random *rand.Rand, meeting string, leg int64, site uuid.UUID, mac, ap net.HardwareAddr, at time.Time, troubled bool) db.CallMinute {
	value := func(scale float64) measure.Value { return measure.Of(scale * (0.5 + random.Float64())) }
	bad := random.IntN(200) == 0 || troubled && random.IntN(5) == 0
	m := db.CallMinute{
		OrgID: t.id, LegID: leg, StartAt: at, EndAt: at.Add(time.Minute), Provider: "zoom", AccountID: t.ref.AccountID, MeetingID: meeting,
		SiteID: site, ClientMac: mac, ApMac: ap, Band: "5", Bad: &bad,
		AudioInLatencyMs: value(40), AudioInJitterMs: value(8), AudioInLossRatio: value(0.003), AudioOutLatencyMs: value(40), AudioOutJitterMs: value(8), AudioOutLossRatio: value(0.003),
		VideoInLatencyMs: value(45), VideoInJitterMs: value(9), VideoInLossRatio: value(0.003), VideoOutLatencyMs: value(45), VideoOutJitterMs: value(9), VideoOutLossRatio: value(0.003),
		ClientCpuPercent: value(40), ClientRssiDbm: value(-60), ClientSnrDb: value(30), ClientChannel: value(36), ClientTxRateMbps: value(300), ClientRxRateMbps: value(300),
		ClientTxRetries: value(20), ClientRxRetries: value(20), ClientTxBytes: value(1e6), ClientRxBytes: value(1e6),
		RadioChannel: value(36), RadioBandwidthMhz: value(40), RadioTxPowerDbm: value(15), RadioUtilRatio: value(0.3), RadioUtilInterferenceRatio: value(0.1), ApNumClients: value(20),
		WanRttMs: value(20), WanJitterMs: value(3), WanLossRatio: value(0.001), WanDownloadMbps: value(100), WanUploadMbps: value(40),
	}
	if bad {
		m.WorstMetric, m.WorstDirection = "latency", "audio_in"
		m.Bucket = [...]string{"client", "wireless", "site_wan", "far_end", "unknown"}[random.IntN(5)]
		m.AudioInLatencyMs = value(220)
	}
	return m
}
