package store

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

func TestLandDevices(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	_, orgs := linkedAccount(t, s, "devices", nil)
	org, site := orgs[0], uuid.New()
	client, ap := net.HardwareAddr{0x5c, 0x5b, 0x35, 0, 0, 1}, net.HardwareAddr{0xd4, 0x20, 0xb0, 0, 0, 1}
	at := func(minutes int) time.Time {
		return time.Date(2026, 11, 20, 23, 55, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
	}
	ip := netip.MustParseAddr("10.1.0.5")
	lease := db.Lease{OrgID: org, Mac: client, FromAt: at(0), Source: "snapshot", ToAt: at(1), SiteID: site, ApMac: ap, Band: "5", HostnameSealed: []byte("first")}
	longer := lease
	longer.ToAt, longer.Ip, longer.HostnameSealed = at(8), &ip, nil

	landing := DeviceLanding{
		OrgID:  org,
		Sites:  []db.Site{{OrgID: org, SiteID: site, Name: "Site", PublicIps: []netip.Addr{ip}, Subnets: []netip.Prefix{}}},
		Leases: []db.Lease{lease, lease}, // once is enough
		Clients: []db.ClientSample{
			{OrgID: org, Mac: client, StartAt: at(0), EndAt: at(1), RssiDbm: measure.Of(-60)},
			{OrgID: org, Mac: client, StartAt: at(6), EndAt: at(7)},                 // the next day, in another partition
			{OrgID: org, Mac: client, StartAt: at(0), EndAt: at(0).Add(3 * 3600e9)}, // too long to be found again
		},
		Radios:   []db.RadioSample{{OrgID: org, ApMac: ap, Band: "5", StartAt: at(0), EndAt: at(1), SiteID: site}},
		WANs:     []db.WanSample{{OrgID: org, SiteID: site, GatewayMac: ap, PortID: "ge-0/0/0", StartAt: at(0), EndAt: at(1)}},
		SyncedAt: at(1),
		State:    &DeviceState{PolledAt: at(2), Sealed: []byte("state")},
	}
	if err := s.LandDevices(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
	// The next poll: the lease goes on, its address is known now and its name is not; all
	// else is as it was.
	landing.Leases = []db.Lease{longer}
	landing.State = &DeviceState{PolledAt: at(3), Prior: at(2), Sealed: []byte("state 2")}
	if err := s.LandDevices(t.Context(), landing); err != nil {
		t.Fatal(err)
	}

	leases, err := s.Leases(t.Context(), org, at(7), at(9))
	if err != nil {
		t.Fatal(err)
	}
	want := longer
	want.HostnameSealed = []byte("first")
	want.UntilDay = pgtype.Date{Time: at(8).Truncate(24 * time.Hour), Valid: true} // the day after it began
	local := cmp.Transformer("instant", time.Time.UnixMicro)
	if diff := cmp.Diff([]db.Lease{want}, leases, local, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("leases (-want +got):\n%s", diff)
	}
	samples, err := s.ClientSamples(t.Context(), nil, org, []Presence{{macaddr.FromHardware(client), at(0), at(10)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != 2 || samples[0].RSSIDBm != measure.Of(-60) || samples[1].RSSIDBm.Known() {
		t.Errorf("client samples: %+v, want the first with its signal and the second without", samples)
	}
	radios, err := s.RadioSamples(t.Context(), nil, org, []net.HardwareAddr{ap}, at(0), at(1))
	if err != nil || len(radios) != 1 {
		t.Errorf("%d radio samples, %v", len(radios), err)
	}
	wans, err := s.WANSamples(t.Context(), org, []uuid.UUID{site}, at(0), at(1))
	if err != nil || len(wans) != 1 {
		t.Errorf("%d WAN samples, %v", len(wans), err)
	}
	row, err := s.Org(t.Context(), org)
	if err != nil || row.DevicesSyncedAt == nil || !row.DevicesSyncedAt.Equal(at(1)) {
		t.Errorf("complete up to %v, %v", row.DevicesSyncedAt, err)
	}
}

// Only the poll that continues from the last one lands.
func TestLandDevicesOvertaken(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	_, orgs := linkedAccount(t, s, "overtaken", nil)
	at := func(minutes int) time.Time { return seedStart.Add(time.Duration(minutes) * time.Minute) }
	land := func(prior, polled time.Time) error {
		return s.LandDevices(t.Context(), DeviceLanding{
			OrgID: orgs[0], SyncedAt: polled, State: &DeviceState{Prior: prior, PolledAt: polled, Sealed: []byte("state")},
		})
	}
	if err := land(at(1), at(2)); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a poll that continues from one that is not there: %v", err)
	}
	if err := land(time.Time{}, at(2)); err != nil {
		t.Fatal(err)
	}
	if err := land(time.Time{}, at(3)); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a second first poll: %v", err)
	}
	if err := land(at(2), at(4)); err != nil {
		t.Fatal(err)
	}
	if err := land(at(2), at(3)); !errors.Is(err, ErrOvertaken) {
		t.Errorf("a poll that continues from one before the last: %v", err)
	}
	row, err := s.Org(t.Context(), orgs[0])
	if err != nil || !row.DevicesSyncedAt.Equal(at(4)) {
		t.Errorf("complete up to %v, %v; want what landed last", row.DevicesSyncedAt, err)
	}
}
