package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

var (
	northID = uuid.MustParse("00000000-0000-0000-0000-00000000000a")
	southID = uuid.MustParse("00000000-0000-0000-0000-00000000000b")
	quietID = uuid.MustParse("00000000-0000-0000-0000-00000000000c")
)

func mac(t testing.TB, text string) macaddr.Addr {
	t.Helper()
	addr, err := macaddr.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func clock(hour, minute int) time.Time {
	return time.Date(2026, 11, 20, hour, minute, 0, 0, time.UTC)
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

// wellFormed checks that the stays of a match follow one another within the leg, and that
// the match is one of them.
func wellFormed(t *testing.T, leg Leg, match Match) {
	t.Helper()
	at, among := leg.JoinAt, false
	for _, s := range match.Stays {
		if s.JoinAt.Before(at) || !s.JoinAt.Before(s.LeaveAt) {
			t.Errorf("a stay from %s to %s follows %s", s.JoinAt, s.LeaveAt, at)
		}
		at = s.LeaveAt
		among = among || s.MAC == match.MAC && s.SiteID == match.SiteID
	}
	if at.After(leg.LeaveAt) || !among {
		t.Errorf("stays end at %s, leg at %s; the match is one of them: %v", at, leg.LeaveAt, among)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	alice, bob, carol := mac(t, "5c5b350e0001"), mac(t, "5c5b350e0002"), mac(t, "5c5b350e0003")
	north := Site{ID: northID, PublicIPs: addrs("203.0.113.1"), Subnets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	south := Site{ID: southID, PublicIPs: addrs("203.0.113.2"), Subnets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	quiet := Site{ID: quietID, Subnets: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}}
	lease := func(mac macaddr.Addr, site uuid.UUID, ip string, from, to time.Time) Lease {
		l := Lease{MAC: mac, SiteID: site, Source: SourceSnapshot, From: from, To: to}
		if ip != "" {
			l.IP = netip.MustParseAddr(ip)
		}
		return l
	}
	all := []Lease{
		lease(alice, northID, "10.1.0.5", clock(8, 0), clock(12, 0)),
		lease(bob, southID, "10.1.0.5", clock(8, 0), clock(12, 0)), // the same address, another site
		lease(carol, quietID, "10.9.0.7", clock(8, 0), clock(12, 0)),
	}
	leg := func(change func(*Leg)) Leg {
		l := Leg{ID: 1, JoinAt: clock(9, 0), LeaveAt: clock(10, 0)}
		change(&l)
		return l
	}
	none := func(reason Reason) Match { return Match{LegID: 1, Reason: reason} }

	for _, test := range []struct {
		name   string
		leases []Lease
		leg    Leg
		want   Match
	}{
		{
			"hardware address", all, leg(func(l *Leg) { l.MAC = alice }),
			Match{LegID: 1, MAC: alice, SiteID: northID, Rule: RuleMAC, Confidence: confidenceMAC, Reason: ReasonMAC},
		},
		{
			"hardware and private address", all, leg(func(l *Leg) { l.MAC, l.PrivateIPs = alice, addrs("192.168.56.1", "10.1.0.5") }),
			Match{LegID: 1, MAC: alice, SiteID: northID, Rule: RuleMAC, Confidence: confidenceMACAndAddress, Reason: ReasonMACAndAddress},
		},
		{
			"hardware address through a VPN", all,
			leg(func(l *Leg) {
				l.MAC, l.PublicIP, l.PrivateIPs = alice, netip.MustParseAddr("198.51.100.9"), addrs("10.1.0.99")
			}),
			Match{LegID: 1, MAC: alice, SiteID: northID, Rule: RuleMAC, Confidence: confidenceMAC, Reason: ReasonMAC},
		},
		{"hardware address, lease is over", all, leg(func(l *Leg) { l.MAC, l.JoinAt, l.LeaveAt = alice, clock(12, 0), clock(13, 0) }), none(ReasonNoLease)},
		{"hardware address of a group", append(all, lease(mac(t, "010000000001"), northID, "", clock(8, 0), clock(12, 0))), leg(func(l *Leg) { l.MAC = mac(t, "010000000001") }), none(ReasonNoLease)},
		{
			"hardware address at two sites, longer at one",
			[]Lease{lease(alice, northID, "", clock(9, 0), clock(9, 10)), lease(alice, southID, "", clock(9, 15), clock(10, 0))},
			leg(func(l *Leg) { l.MAC = alice }),
			Match{LegID: 1, MAC: alice, SiteID: southID, Rule: RuleMAC, Confidence: confidenceMAC, Reason: ReasonMAC},
		},
		{
			"hardware address at two sites at once",
			[]Lease{lease(alice, northID, "", clock(8, 0), clock(12, 0)), lease(alice, southID, "", clock(8, 0), clock(12, 0))},
			leg(func(l *Leg) { l.MAC = alice }), none(ReasonAmbiguous),
		},
		{
			"unknown hardware address leaves the private one", all,
			leg(func(l *Leg) {
				l.MAC, l.PublicIP, l.PrivateIPs = mac(t, "5c5b350effff"), netip.MustParseAddr("203.0.113.2"), addrs("10.1.0.5")
			}),
			Match{LegID: 1, MAC: bob, SiteID: southID, Rule: RulePrivateIP, Confidence: confidencePublicIP, Reason: ReasonPublicIP},
		},
		{
			"addresses mapped into IPv6", all,
			leg(func(l *Leg) {
				l.PublicIP, l.PrivateIPs = netip.MustParseAddr("::ffff:203.0.113.1"), addrs("::ffff:10.1.0.5")
			}),
			Match{LegID: 1, MAC: alice, SiteID: northID, Rule: RulePrivateIP, Confidence: confidencePublicIP, Reason: ReasonPublicIP},
		},
		{"private address, public one of nobody here", all, leg(func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("198.51.100.1"), addrs("10.1.0.5") }), none(ReasonNoLease)},
		{"private address, public one hidden", all, leg(func(l *Leg) { l.PrivateIPs = addrs("10.1.0.5") }), none(ReasonNoLease)},
		{
			"private address in a subnet of a site without public address", all,
			leg(func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("198.51.100.1"), addrs("10.9.0.7") }),
			Match{LegID: 1, MAC: carol, SiteID: quietID, Rule: RulePrivateIP, Confidence: confidenceSubnet, Reason: ReasonSubnet},
		},
		{"private address there, public one of another site", all, leg(func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("203.0.113.1"), addrs("10.9.0.7") }), none(ReasonNoLease)},
		{
			"private address that changed hands during the leg",
			[]Lease{lease(alice, northID, "10.1.0.5", clock(8, 0), clock(9, 30)), lease(bob, northID, "10.1.0.5", clock(9, 31), clock(12, 0))},
			leg(func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("203.0.113.1"), addrs("10.1.0.5") }),
			none(ReasonAmbiguous),
		},
		{
			"link-local addresses are everywhere",
			[]Lease{lease(alice, northID, "169.254.1.1", clock(8, 0), clock(12, 0))},
			leg(func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("203.0.113.1"), addrs("169.254.1.1") }),
			none(ReasonNoLease),
		},
		{"nothing known of the leg", all, leg(func(*Leg) {}), none(ReasonNoLease)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, matched := NewMatcher([]Site{north, south, quiet}, test.leases).Match(test.leg)
			if matched {
				wellFormed(t, test.leg, got)
				got.Stays = nil
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("match (-want +got):\n%s", diff)
			}
			if matched != (test.want.Rule != "") {
				t.Errorf("matched = %v", matched)
			}
		})
	}
}

func TestMatchMergesLeasesOfOneClient(t *testing.T) {
	t.Parallel()
	alice := mac(t, "5c5b350e0001")
	ip := netip.MustParseAddr("10.1.0.5")
	m := NewMatcher([]Site{{ID: northID, PublicIPs: addrs("203.0.113.1")}}, []Lease{
		{MAC: alice, SiteID: northID, IP: ip, Source: SourceSnapshot, From: clock(8, 0), To: clock(9, 30)},
		{MAC: alice, SiteID: northID, IP: ip, Source: SourceSession, From: clock(8, 0), To: clock(9, 29)},
		{MAC: alice, SiteID: northID, IP: ip, Source: SourceSnapshot, From: clock(9, 30), To: clock(12, 0)},
	})
	got, ok := m.Match(Leg{JoinAt: clock(9, 0), LeaveAt: clock(10, 0), PublicIP: netip.MustParseAddr("203.0.113.1"), PrivateIPs: []netip.Addr{ip}})
	if !ok || got.MAC != alice {
		t.Errorf("got %+v, %v; want the one client", got, ok)
	}
}
