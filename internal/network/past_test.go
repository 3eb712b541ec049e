package network_test

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/network"
	"callweave/internal/secret"
)

func TestPastLeases(t *testing.T) {
	t.Parallel()
	elsewhere := uuid.MustParse("1f6c3f0a-0000-4000-8000-000000000002")
	foreign := netip.MustParseAddr("10.9.0.4")
	session := network.Session{SiteID: site, MAC: client, DeviceMAC: ap1, Band: network.Band5, From: after(0), To: after(600)}
	sites := []network.Site{{ID: site, Subnets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}, {ID: elsewhere}}
	names := []secret.Text{secret.New("laptop")}
	tests := map[string]struct {
		session   network.Session
		sightings []network.Sighting
		ip        netip.Addr
		hostname  secret.Text
	}{
		"one address":             {session, []network.Sighting{{MAC: client, IPs: []netip.Addr{addr1}, Hostnames: names}}, addr1, names[0]},
		"same address twice":      {session, []network.Sighting{{MAC: client, IPs: []netip.Addr{addr1}}, {MAC: client, IPs: []netip.Addr{addr1}}}, addr1, secret.Text{}},
		"one address of the site": {session, []network.Sighting{{MAC: client, IPs: []netip.Addr{foreign, addr1}}}, addr1, secret.Text{}},
		"two addresses of the site": {session, []network.Sighting{{
			MAC: client, IPs: []netip.Addr{addr1, addr2}, Hostnames: []secret.Text{names[0], secret.New("other")},
		}}, netip.Addr{}, secret.Text{}},
		"never sighted": {session, nil, netip.Addr{}, secret.Text{}},
		"site of unknown subnets": {
			network.Session{SiteID: elsewhere, MAC: client, From: after(0), To: after(1)},
			[]network.Sighting{{MAC: client, IPs: []netip.Addr{foreign}}},
			foreign,
			secret.Text{},
		},
	}
	for name, tt := range tests {
		leases := network.PastLeases(sites, []network.Session{tt.session}, tt.sightings)
		if len(leases) != 1 {
			t.Fatalf("%s: %d leases", name, len(leases))
		}
		got := leases[0]
		if got.IP != tt.ip || got.Hostname != tt.hostname || !got.From.Equal(tt.session.From) || !got.To.Equal(tt.session.To) || got.DeviceMAC != tt.session.DeviceMAC {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestPastLeasesOfWiredClients(t *testing.T) {
	t.Parallel()
	stay := network.WiredStay{DeviceMAC: ap2, Port: "ge-0/0/3", IP: addr2, From: after(0), To: after(60)}
	empty := network.WiredStay{DeviceMAC: ap2, From: after(60), To: after(60)}
	leases := network.PastLeases(nil, nil, []network.Sighting{{
		MAC: client, LastSiteID: site, Wired: true, IPs: []netip.Addr{addr1, addr2}, Stays: []network.WiredStay{stay, empty},
	}})
	if len(leases) != 1 || !leases[0].Wired || leases[0].IP != addr2 || leases[0].Port != stay.Port || leases[0].SiteID != site {
		t.Errorf("leases: %+v", leases)
	}
}
