package weavebench

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/insight"
	"callweave/internal/proctime"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/weave"
)

// stage is a database that holds a day, ready to be woven.
type stage struct {
	b      *testing.B
	day    day
	url    string
	ref    provider.AccountRef
	org    uuid.UUID
	pool   *pgxpool.Pool
	vault  *vault.Vault
	store  *store.Store
	weaver *weave.Weaver
	// unexplained is one without models: like SQL here, it does not say why a minute is bad.
	unexplained *weave.Weaver
}

func newStage(b *testing.B, d day) *stage {
	b.Helper()
	s := &stage{
		b: b, day: d, url: testenv.Postgres(b), org: uuid.UUID{0: 0x0a, 15: 1},
		ref: provider.AccountRef{Provider: provider.Zoom, AccountID: "account"},
	}
	var err error
	if s.pool, err = pgxpool.New(b.Context(), s.url); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.pool.Close)
	kept, err := store.Open(b.Context(), s.url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(kept.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		b.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		b.Fatal(err)
	}
	s.vault, s.store = vault.New(master, kept), kept
	models, err := insight.NewModels(kept, nil)
	if err != nil {
		b.Fatal(err)
	}
	s.weaver, s.unexplained = weave.New(kept, s.vault, models), weave.New(kept, s.vault, nil)
	s.exec("insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', '', '', $2)", s.org, d.begin().AddDate(0, 0, 1))
	s.exec("insert into accounts (provider, account_id) values ($1, $2)", s.ref.Provider, s.ref.AccountID)
	s.exec("insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", s.ref.Provider, s.ref.AccountID, s.org)
	for _, table := range []string{"media_samples", "client_samples", "radio_samples", "wan_samples", "call_minutes"} {
		s.exec("select ensure_partitions($1, $2, $3)", table, d.begin().Add(-time.Hour), d.begin().AddDate(0, 0, 1))
	}
	s.network()
	s.calls()
	s.exec("vacuum analyze")
	return s
}

func (s *stage) exec(sql string, args ...any) {
	s.b.Helper()
	if _, err := s.pool.Exec(s.b.Context(), sql, args...); err != nil {
		s.b.Fatalf("%s: %v", sql, err)
	}
}

func (s *stage) number(sql string, args ...any) (n int) {
	s.b.Helper()
	if err := s.pool.QueryRow(s.b.Context(), sql, args...).Scan(&n); err != nil {
		s.b.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (s *stage) key(scope vault.Scope) *vault.Key {
	s.b.Helper()
	key, err := s.vault.Key(s.b.Context(), scope)
	if err != nil {
		s.b.Fatal(err)
	}
	return key
}

// copy puts rows into a table; each calls put with the values of a row.
func (s *stage) copy(table string, columns []string, each func(put func(...any))) {
	s.b.Helper()
	rows := make(chan []any, 1000)
	go func() {
		defer close(rows)
		each(func(values ...any) { rows <- values })
	}()
	_, err := s.pool.CopyFrom(s.b.Context(), pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) { return <-rows, nil }))
	if err != nil {
		s.b.Fatalf("copy %s: %v", table, err)
	}
}

// network puts what the network knew, as polls do: a minute of all clients after the other.
func (s *stage) network() {
	s.b.Helper()
	for site := range sites {
		s.exec("insert into sites (org_id, site_id, name, public_ips, subnets) values ($1, $2, 'Site', $3, $4)",
			s.org, siteID(site), []netip.Addr{publicIP(site)}, []netip.Prefix{subnet(site)})
	}
	names := s.key(vault.OrgScope(s.org))
	leases := make([][]lease, s.day.clients)
	s.copy("leases", []string{"org_id", "mac", "from_at", "source", "to_at", "site_id", "ip", "ap_mac", "ssid", "band", "hostname_sealed"}, func(put func(...any)) {
		for n := range leases {
			c := s.day.client(n)
			leases[n] = s.day.leases(c)
			for _, l := range leases[n] {
				sealed, err := names.Seal("hostname", []byte(c.name))
				if err != nil {
					panic(err)
				}
				put(s.org, c.mac.Hardware(), l.from, l.source, l.to, siteID(c.site), c.ip, l.ap.Hardware(), "corp", l.band, sealed)
			}
		}
	})
	columns := []string{
		"org_id", "mac", "start_at", "end_at", "ap_mac", "band", "channel", "rssi_dbm", "snr_db",
		"tx_rate_mbps", "rx_rate_mbps", "tx_retries", "rx_retries", "tx_bytes", "rx_bytes",
	}
	s.copy("client_samples", columns, func(put func(...any)) {
		for minute := range dayMinutes {
			for n := range leases {
				c, r := s.day.client(n), chance(3, minute*s.day.clients+n)
				if r.IntN(50) == 0 {
					continue // a look that failed
				}
				from := s.day.begin().Add(time.Duration(minute)*time.Minute + c.phase)
				where := at(leases[n], from)
				if r.IntN(50) == 0 {
					where.ap = apMAC(c.site, r.IntN(apsPerSite)) // a look that lags behind
				}
				put(append([]any{s.org, c.mac.Hardware(), from, from.Add(time.Minute), hardware(where), where.band}, signal(r)...)...)
				if minute%10 == 0 && minute < coarseHours*60 {
					put(append([]any{s.org, c.mac.Hardware(), from.Truncate(10 * time.Minute), from.Truncate(10 * time.Minute).Add(10 * time.Minute), nil, ""}, signal(r)...)...)
				}
			}
		}
	})
	columns = []string{
		"org_id", "ap_mac", "band", "start_at", "end_at", "site_id", "channel", "bandwidth_mhz", "tx_power_dbm",
		"noise_floor_dbm", "num_clients", "util_ratio", "util_interference_ratio",
	}
	s.copy("radio_samples", columns, func(put func(...any)) {
		for minute := range dayMinutes {
			from := s.day.begin().Add(time.Duration(minute) * time.Minute)
			for ap := range sites * apsPerSite {
				for i, band := range []string{"24", "5"} {
					r := chance(4, (minute*sites*apsPerSite+ap)*2+i)
					put(s.org, apMAC(ap%sites, ap/sites).Hardware(), band, from, from.Add(time.Minute), siteID(ap%sites),
						float32(1+r.IntN(165)), float32(40), float32(r.IntN(20)), float32(-95), float32(r.IntN(40)), r.Float32(), r.Float32()/4)
				}
			}
		}
	})
	columns = []string{"org_id", "site_id", "gateway_mac", "port_id", "start_at", "end_at", "rtt_ms", "jitter_ms", "loss_ratio", "download_mbps", "upload_mbps"}
	s.copy("wan_samples", columns, func(put func(...any)) {
		for minute := range dayMinutes {
			from := s.day.begin().Add(time.Duration(minute) * time.Minute)
			for site := range sites {
				r := chance(5, minute*sites+site)
				path := func() []any {
					return []any{r.Float32() * 80, r.Float32() * 10, r.Float32() / 50, r.Float32() * 900, r.Float32() * 300}
				}
				if minute%60 == 0 {
					put(append([]any{s.org, siteID(site), make(net.HardwareAddr, 6), "", from, from.Add(time.Hour)}, path()...)...)
				}
				if r.IntN(30) > 0 {
					put(append([]any{s.org, siteID(site), net.HardwareAddr{0x02, 0, 0, 0, 9, byte(site)}, "ge-0/0/0", from, from.Add(time.Minute)}, path()...)...)
				}
			}
		}
	})
}

func hardware(l lease) any {
	if l.ap.IsZero() {
		return nil
	}
	return l.ap.Hardware()
}

func signal(r *rand.Rand) []any {
	return []any{
		float32(36 + r.IntN(100)), float32(-40 - r.IntN(45)), float32(5 + r.IntN(40)), float32(r.IntN(1200)), float32(r.IntN(1200)),
		float32(r.IntN(300)), float32(r.IntN(300)), float32(r.IntN(1 << 24)), float32(r.IntN(1 << 24)),
	}
}

// calls puts the meetings, their legs and samples, as a harvest leaves them.
func (s *stage) calls() {
	s.b.Helper()
	s.exec(`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, revision)
		select $1, $2, format('meeting-%s', lpad(n::text, 6, '0')), n, 'past', '', 'epoch', 'epoch', $3, 'settled', 1 from generate_series(0, $4 - 1) n`,
		s.ref.Provider, s.ref.AccountID, legsAMeeting, s.day.meetings())
	people := s.key(vault.AccountScope(s.ref))
	columns := []string{
		"leg_id", "provider", "account_id", "meeting_id", "participant_id", "join_at", "leave_at", "guest", "person_sealed",
		"network_type", "public_ip", "private_ips", "mac", "audio_quality",
	}
	s.copy("legs", columns, func(put func(...any)) {
		for n := range s.day.legs {
			l := s.day.leg(n)
			public, private, mac := publicIP(l.client.site), l.client.ip, any(l.client.mac.Hardware())
			person := provider.Person{Name: secret.New("Somebody"), Hostname: secret.New(l.client.name)}
			switch {
			case l.outside:
				public, private, mac = netip.AddrFrom4([4]byte{198, 51, 100, 7}), netip.AddrFrom4([4]byte{192, 168, 1, 7}), nil
				person.Hostname = secret.New("elsewhere")
			case !l.byMAC:
				mac = nil
			}
			sealed, err := people.SealPerson("person", person)
			if err != nil {
				panic(err)
			}
			put(l.id, string(s.ref.Provider), s.ref.AccountID, meetingID(l.meeting), strconv.FormatInt(l.id, 10), l.joinAt, l.leftAt, false, sealed,
				"Wifi", public, []netip.Addr{private}, mac, "good")
		}
	})
	s.exec(`update meetings m set start_at = l.from_at, end_at = l.to_at
		from (select meeting_id, min(join_at) as from_at, max(leave_at) as to_at from legs group by meeting_id) l where l.meeting_id = m.meeting_id`)
	s.samples()
	s.queue()
}

func (s *stage) samples() {
	s.b.Helper()
	columns := []string{"leg_id", "start_at", "end_at", "granularity", "client_cpu_avg_percent", "client_cpu_max_percent", "system_cpu_max_percent"}
	for _, stream := range []string{"audio_in", "audio_out", "video_in", "video_out"} {
		for _, name := range []string{"latency_ms", "jitter_ms", "loss_avg_ratio", "loss_max_ratio", "bitrate_bps"} {
			columns = append(columns, stream+"_"+name)
		}
	}
	for _, stream := range []string{"video_in", "video_out"} {
		for _, name := range []string{"frame_rate_fps", "width_px", "height_px"} {
			columns = append(columns, stream+"_"+name)
		}
	}
	s.copy("media_samples", columns, func(put func(...any)) {
		for n := range s.day.legs {
			l, r := s.day.leg(n), chance(6, n)
			from := l.joinAt.Truncate(time.Minute)
			video := r.IntN(2) == 0
			for minute := range legMinutes {
				start := from.Add(time.Duration(minute) * time.Minute)
				row := []any{l.id, start, start.Add(time.Minute), "minute", 10 + r.Float32()*50, 20 + r.Float32()*70, any(20 + r.Float32()*80)}
				if r.IntN(10) == 0 {
					row[6] = nil
				}
				for stream := range 4 {
					// A few are bad, and some have no sound or picture in this minute.
					if quiet := r.IntN(20) == 0; quiet || stream >= 2 && !video {
						row = append(row, nil, nil, nil, nil, nil)
						continue
					}
					row = append(row, 20+r.Float32()*140, r.Float32()*42, r.Float32()*0.021, r.Float32()*0.1, 4e4+r.Float32()*1e6)
				}
				for range 2 {
					if !video {
						row = append(row, nil, nil, nil)
						continue
					}
					row = append(row, r.Float32()*30, float32(1280), float32(720))
				}
				put(row...)
			}
		}
	})
}

// queue has every meeting woven anew.
func (s *stage) queue() {
	s.b.Helper()
	s.exec("truncate weaves, matches, call_minutes")
	s.exec(`insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		select $1, provider, account_id, meeting_id, 0, 0, 0, revision, end_at from meetings`, s.org)
}

// watchCPU watches some processes and the stage's database.
func (s *stage) watchCPU(pids ...int) *proctime.Watch {
	return proctime.NewWatch(proctime.Postmaster(s.number("select pg_backend_pid()")), pids...)
}
