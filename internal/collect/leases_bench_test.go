package collect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

// office is a network of clients that are there for a working day, roam some times, and
// now and then get another address.
type office struct {
	site    uuid.UUID
	clients []network.ClientSnapshot
	roams   int
	moves   int
	random  *rand.Rand
}

func newOffice(clients int) *office {
	o := &office{site: uuid.New(), random: rand.New(rand.NewPCG(5, 7))}
	for i := range clients {
		o.clients = append(o.clients, network.ClientSnapshot{
			SiteID: o.site, MAC: macaddr.Addr{0x5c, 0x5b, 0x35, 0, byte(i >> 8), byte(i)}, IP: o.address(), Hostname: secret.New(fmt.Sprintf("laptop-%05d", i)),
			SSID: "office", Band: network.Band5, DeviceMAC: o.ap(),
		})
	}
	return o
}

func (o *office) ap() macaddr.Addr {
	return macaddr.Addr{0x5c, 0x5b, 0x36, 0, 0, byte(1 + o.random.IntN(200))}
}

func (o *office) address() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 1, byte(o.random.IntN(250)), byte(1 + o.random.IntN(250))})
}

// at moves the clients on to a moment: each roams about every two hours.
func (o *office) at(now time.Time, first bool) []network.ClientSnapshot {
	for i := range o.clients {
		c := &o.clients[i]
		c.ObservedAt = now
		switch draw := o.random.IntN(1200); {
		case first:
			c.AssociatedAt = now.Add(-time.Duration(o.random.IntN(60)) * time.Second)
		case draw < 10:
			if ap := o.ap(); ap != c.DeviceMAC {
				c.DeviceMAC, c.AssociatedAt = ap, now.Add(-time.Duration(o.random.IntN(60))*time.Second)
				o.roams++
			}
		case draw == 10:
			if ip := o.address(); ip != c.IP {
				c.IP = ip
				o.moves++
			}
		}
	}
	return o.clients
}

// A day of an org of 5,000 clients, polled every minute of nine hours: how many leases that
// leaves, and how many bytes, with their indexes, once the database has cleaned up.
func BenchmarkLeaseBytesPerClientDay(b *testing.B) {
	const clients, minutes = 5000, 540
	ctx := b.Context()
	url := testenv.Postgres(b)
	s, err := store.Open(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	org := uuid.New()
	key := orgWithLink(ctx, b, s, pool, org)
	day := time.Date(2026, 11, 18, 8, 0, 0, 0, time.UTC)
	for range b.N {
		o := newOffice(clients)
		cadence := network.Cadence{Every: time.Minute}
		tracks := make(map[macaddr.Addr]network.Track, clients)
		for minute := range minutes {
			landing := store.DeviceLanding{OrgID: org}
			for _, snapshot := range o.at(day.Add(time.Duration(minute)*time.Minute), minute == 0) {
				step := cadence.Client(tracks[snapshot.MAC], snapshot)
				tracks[snapshot.MAC] = step.Track
				leases := []network.Lease{step.Track.Lease}
				if step.Ended != nil {
					leases = append(leases, *step.Ended)
				}
				for _, lease := range leases {
					row, err := leaseRow(org, key, correlate.SourceSnapshot, lease)
					if err != nil {
						b.Fatal(err)
					}
					landing.Leases = append(landing.Leases, row)
				}
			}
			if err := s.LandDevices(ctx, landing); err != nil {
				b.Fatal(err)
			}
		}
		var stored, grown, clean int64
		size := func() (bytes int64) {
			if err := pool.QueryRow(ctx, "select pg_total_relation_size('leases')").Scan(&bytes); err != nil {
				b.Fatal(err)
			}
			return bytes
		}
		grown = size()
		if _, err := pool.Exec(ctx, "vacuum full leases"); err != nil {
			b.Fatal(err)
		}
		clean = size()
		if err := pool.QueryRow(ctx, "select count(*) from leases").Scan(&stored); err != nil {
			b.Fatal(err)
		}
		if want := int64(clients + o.roams + o.moves); stored > want {
			b.Errorf("%d leases for %d roams and %d changes of address: want %d at most", stored, o.roams, o.moves, want)
		}
		b.ReportMetric(float64(stored)/clients, "leases/client-day")
		b.ReportMetric(float64(clean)/clients, "bytes/client-day")
		b.ReportMetric(float64(grown)/clients, "bytes/client-day-before-vacuum")
		_, _ = fmt.Fprintf(os.Stderr, "%d clients, %d polls, %d roams, %d changes of address: %d leases, %d bytes\n", clients, minutes, o.roams, o.moves, stored, clean)
	}
}

// orgWithLink makes an org that device data is kept of.
func orgWithLink(ctx context.Context, tb testing.TB, s *store.Store, pool *pgxpool.Pool, org uuid.UUID) *vault.Key {
	tb.Helper()
	if err := s.PutOrg(ctx, db.UpsertOrgParams{OrgID: org, Name: "Org", MistTokenSealed: []byte{}}); err != nil {
		tb.Fatal(err)
	}
	for _, sql := range []string{
		"insert into accounts (provider, account_id) values ('zoom', 'a')",
		"insert into links (provider, account_id, org_id, linked_by_sealed) select 'zoom', 'a', org_id, '' from orgs",
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			tb.Fatal(err)
		}
	}
	keyset, err := vault.NewKeyset()
	if err != nil {
		tb.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := vault.New(master, s).Key(ctx, vault.OrgScope(org))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// A day of polls leaves a lease for every stay of a client, and not one for every poll.
func TestADayOfPollsIsFewLeases(t *testing.T) {
	t.Parallel()
	o := newOffice(50)
	cadence := network.Cadence{Every: time.Minute}
	tracks := map[macaddr.Addr]network.Track{}
	ended := 0
	day := time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)
	for minute := range 24 * 60 {
		// The clouds report a little before or after the minute.
		for _, snapshot := range o.at(day.Add(time.Duration(minute)*time.Minute+time.Duration(o.random.IntN(9))*time.Second), minute == 0) {
			step := cadence.Client(tracks[snapshot.MAC], snapshot)
			if tracks[snapshot.MAC] = step.Track; step.Ended != nil {
				ended++
			}
		}
	}
	if leases, want := ended+len(tracks), 50+o.roams+o.moves; leases != want || o.roams == 0 || o.moves == 0 {
		t.Errorf("%d leases for %d roams and %d changes of address of 50 clients, want %d", leases, o.roams, o.moves, want)
	}
}
