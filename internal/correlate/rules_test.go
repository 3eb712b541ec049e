package correlate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/secret"
)

// office is an org of two sites behind public addresses; its south has no known subnets.
func office() []Site {
	return []Site{
		{ID: northID, PublicIPs: addrs("203.0.113.1"), Subnets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}},
		{ID: southID, PublicIPs: addrs("203.0.113.2", "2001:db8::2")},
	}
}

func named(mac macaddr.Addr, site uuid.UUID, name, ip string, from, to time.Time) Lease {
	l := Lease{MAC: mac, SiteID: site, Hostname: secret.New(name), Source: SourceSnapshot, From: from, To: to}
	if ip != "" {
		l.IP = netip.MustParseAddr(ip)
	}
	return l
}

func wired(l Lease) Lease {
	l.Wired = true
	return l
}

func session(l Lease) Lease {
	l.Source = SourceSession
	return l
}

func TestMatchByNameAndSite(t *testing.T) {
	t.Parallel()
	const tunnel = "198.51.100.9"
	anna, bert, dock := mac(t, "5c5b350e0001"), mac(t, "5c5b350e0002"), mac(t, "5c5b350e0003")
	from, to := clock(8, 0), clock(12, 0)
	leases := []Lease{
		named(anna, northID, "Annas-MacBook.corp.example", "10.1.0.5", from, to),
		named(bert, southID, "LT-BERT", "10.2.0.7", from, to),
	}
	atNorth, atSouth := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	for name, test := range map[string]struct {
		leases []Lease
		leg    Leg
		rule   Rule
		want   macaddr.Addr
		site   uuid.UUID
		why    Reason
	}{
		"name through a tunnel": {
			leases,
			Leg{Hostname: secret.New("Anna’s MacBook"), PublicIP: netip.MustParseAddr(tunnel), PrivateIPs: addrs("10.250.0.1")},
			RuleHostname, anna, northID, ReasonHostname,
		},
		"name, no address at all": {leases, Leg{Hostname: secret.New("lt-bert")}, RuleHostname, bert, southID, ReasonHostname},
		"name at the site":        {leases, Leg{Hostname: secret.New("LT-BERT.local"), PublicIP: atSouth}, RuleHostname, bert, southID, ReasonHostnameAtSite},
		"name at another site":    {leases, Leg{Hostname: secret.New("LT-BERT"), PublicIP: atNorth}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"name of a guest, tunnel": {leases, Leg{Hostname: secret.New("LT-BERT"), Guest: true}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"name of a guest, at the site": {
			leases,
			Leg{Hostname: secret.New("LT-BERT"), Guest: true, PublicIP: atSouth},
			RuleHostname, bert, southID, ReasonHostnameAtSite,
		},
		"name on a cellular network": {leases, Leg{Hostname: secret.New("LT-BERT"), Medium: MediumCellular}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"name twice": {
			append(leases, named(dock, northID, "LT-BERT", "", from, to)),
			Leg{Hostname: secret.New("LT-BERT")},
			"",
			macaddr.Addr{},
			uuid.Nil, ReasonAmbiguous,
		},
		"name twice, once at the site": {
			append(leases, named(dock, northID, "LT-BERT", "", from, to)),
			Leg{Hostname: secret.New("LT-BERT"), PublicIP: atSouth},
			RuleHostname, bert, southID, ReasonHostnameAtSite,
		},
		"name of a laptop and its dock, wired": {
			append(leases, wired(named(dock, southID, "LT-BERT", "", from, to))),
			Leg{Hostname: secret.New("LT-BERT"), Medium: MediumWired},
			RuleHostname, dock, southID, ReasonHostname,
		},
		"name of a laptop and its dock, on the air": {
			append(leases, wired(named(dock, southID, "LT-BERT", "", from, to))),
			Leg{Hostname: secret.New("LT-BERT"), Medium: MediumWireless},
			RuleHostname, bert, southID, ReasonHostname,
		},
		"name of a laptop and its dock, junk for an address": {
			append(leases, wired(named(dock, southID, "LT-BERT", "", from, to))),
			Leg{MAC: mac(t, "01005e000001"), Hostname: secret.New("LT-BERT"), Medium: MediumWired},
			RuleHostname, dock, southID, ReasonHostname,
		},
		"name through a tunnel that ends at another site": {
			leases,
			Leg{Hostname: secret.New("LT-BERT"), PublicIP: atNorth, PrivateIPs: addrs("10.250.0.1")},
			RuleHostname, bert, southID, ReasonHostname,
		},
		"name of another device of that kind": {
			leases,
			Leg{MAC: mac(t, "5c5b350e00ff"), Hostname: secret.New("LT-BERT"), Medium: MediumWireless},
			"",
			macaddr.Addr{},
			uuid.Nil, ReasonNoLease,
		},
		"name devices come with, somewhere": {
			[]Lease{named(anna, northID, "MacBook-Pro-2", "", from, to)},
			Leg{Hostname: secret.New("MacBook Pro")},
			"",
			macaddr.Addr{},
			uuid.Nil, ReasonNoLease,
		},
		"name devices come with, at the site": {
			[]Lease{named(anna, northID, "iPhone", "", from, to)},
			Leg{Hostname: secret.New("iPhone"), PublicIP: atNorth},
			RuleHostname, anna, northID, ReasonHostnameAtSite,
		},
		"names that are none": {
			[]Lease{named(anna, northID, "localhost", "", from, to), named(bert, northID, "10-1-0-9", "", from, to)},
			Leg{Hostname: secret.New("localhost")},
			"",
			macaddr.Addr{},
			uuid.Nil, ReasonNoLease,
		},
		"address that changed hands, one of its names": {
			[]Lease{named(anna, northID, "LT-ANNA", "10.1.0.5", from, clock(9, 30)), named(bert, northID, "LT-BERT", "10.1.0.5", clock(9, 31), to)},
			Leg{Hostname: secret.New("LT-BERT"), PublicIP: atNorth, PrivateIPs: addrs("10.1.0.5")},
			RulePrivateIP, bert, northID, ReasonPublicIP,
		},
		"unknown client in the site's subnet": {leases, Leg{PublicIP: atNorth, PrivateIPs: addrs("10.1.200.9")}, RulePublicIP, macaddr.Addr{}, northID, ReasonSite},
		"unknown client next to the site's leases": {
			leases,
			Leg{PublicIP: atSouth, PrivateIPs: addrs("10.2.0.200")},
			RulePublicIP,
			macaddr.Addr{},
			southID, ReasonSite,
		},
		"a tunnel that ends at the site":     {leases, Leg{PublicIP: atNorth, PrivateIPs: addrs("10.250.0.1")}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"the site's address, nothing more":   {leases, Leg{PublicIP: atNorth}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"a public address of two sites":      {leases, Leg{PublicIP: netip.MustParseAddr(tunnel), PrivateIPs: addrs("10.1.0.9")}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"every AnyConnect has this address":  {[]Lease{named(mac(t, "00:05:9a:3c:7a:00"), northID, "", "", from, to)}, Leg{MAC: mac(t, "00059a3c7a00")}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"what phones give for their address": {[]Lease{named(macaddr.Addr{2}, northID, "", "", from, to)}, Leg{MAC: macaddr.Addr{2}}, "", macaddr.Addr{}, uuid.Nil, ReasonNoLease},
		"IPv6 of the site":                   {[]Lease{named(anna, southID, "", "2001:db8:1::5", from, to)}, Leg{PublicIP: netip.MustParseAddr("2001:db8::2"), PrivateIPs: addrs("2001:db8:1::5")}, RulePrivateIP, anna, southID, ReasonPublicIP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.leg.ID, test.leg.JoinAt, test.leg.LeaveAt = 1, clock(9, 0), clock(10, 0)
			got, matched := NewMatcher(office(), test.leases).Match(test.leg)
			if got.Rule != test.rule || got.MAC != test.want || got.SiteID != test.site || got.Reason != test.why || matched != (test.rule != "") {
				t.Errorf("got %+v, %v", got, matched)
			}
			if matched {
				wellFormed(t, test.leg, got)
			}
		})
	}
}

func TestMatchByInterval(t *testing.T) {
	t.Parallel()
	laptop, dock := mac(t, "5c5b350e0001"), mac(t, "5c5b350e0002")
	leg := Leg{JoinAt: clock(9, 0), LeaveAt: clock(10, 0), Hostname: secret.New("LT-BERT"), PublicIP: netip.MustParseAddr("203.0.113.1"), Medium: MediumWired}
	stay := func(mac macaddr.Addr, site uuid.UUID, from, to time.Time) Stay { return Stay{mac, site, from, to} }
	for name, test := range map[string]struct {
		leases []Lease
		change func(*Leg)
		want   []Stay
	}{
		"to another site": {
			[]Lease{named(laptop, northID, "", "", clock(8, 0), clock(9, 20)), named(laptop, southID, "", "", clock(9, 27), clock(11, 0))},
			func(l *Leg) { l.MAC = laptop },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(laptop, southID, clock(9, 27), clock(10, 0))},
		},
		"to another site, found by an address of the first": {
			[]Lease{named(laptop, northID, "", "10.1.0.6", clock(8, 0), clock(9, 20)), named(laptop, southID, "", "10.2.0.6", clock(9, 27), clock(11, 0))},
			func(l *Leg) { l.PrivateIPs = addrs("10.1.0.6") },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(laptop, southID, clock(9, 27), clock(10, 0))},
		},
		"to another site, found by an address of the second": {
			[]Lease{named(laptop, northID, "", "10.1.0.6", clock(8, 0), clock(9, 20)), named(laptop, southID, "", "10.2.0.6", clock(9, 27), clock(11, 0))},
			func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("203.0.113.2"), addrs("10.2.0.6") },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(laptop, southID, clock(9, 27), clock(10, 0))},
		},
		"home from the office, Zoom shows home": {
			[]Lease{named(laptop, northID, "LT-BERT", "10.1.0.6", clock(8, 0), clock(9, 20))},
			func(l *Leg) { l.PublicIP, l.PrivateIPs = netip.MustParseAddr("192.0.2.9"), addrs("192.168.1.7") },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20))},
		},
		"to the office, Zoom shows the office": {
			[]Lease{named(laptop, northID, "LT-BERT", "10.1.0.6", clock(9, 20), clock(11, 0))},
			func(l *Leg) { l.PrivateIPs = addrs("10.1.0.6") },
			[]Stay{stay(laptop, northID, clock(9, 20), clock(10, 0))},
		},
		"out of the building, Zoom shows a cellular network": {
			[]Lease{named(laptop, northID, "LT-BERT", "10.1.0.6", clock(8, 0), clock(9, 20))},
			func(l *Leg) {
				l.Medium, l.PublicIP, l.PrivateIPs = MediumCellular, netip.MustParseAddr("198.51.100.9"), addrs("100.64.0.9")
			},
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20))},
		},
		"out for two minutes, as the network dates it": {
			[]Lease{
				session(named(laptop, northID, "LT-BERT", "", clock(8, 0), clock(9, 20))),
				session(named(laptop, northID, "LT-BERT", "", clock(9, 22), clock(11, 0))),
			},
			func(l *Leg) { l.MAC = laptop },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(laptop, northID, clock(9, 22), clock(10, 0))},
		},
		"home by the network's date, and another of that name as bought stays": {
			[]Lease{session(named(laptop, northID, "MacBook-Pro", "", clock(8, 0), clock(9, 20))), named(dock, northID, "MacBook-Pro", "", clock(8, 0), clock(11, 0))},
			func(l *Leg) { l.MAC, l.Hostname = laptop, secret.New("MacBook Pro") },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20))},
		},
		"plugged in, Zoom shows the air": {
			[]Lease{wired(named(dock, northID, "LT-BERT", "10.1.0.5", clock(9, 20), clock(11, 0))), named(laptop, northID, "LT-BERT", "10.1.0.6", clock(8, 0), clock(11, 0))},
			func(l *Leg) { l.MAC, l.Medium = laptop, MediumWireless },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(dock, northID, clock(9, 20), clock(10, 0))},
		},
		"plugged in all the time, Zoom shows the air": {
			[]Lease{wired(named(dock, northID, "LT-BERT", "10.1.0.5", clock(8, 0), clock(11, 0))), named(laptop, northID, "LT-BERT", "10.1.0.6", clock(8, 0), clock(11, 0))},
			func(l *Leg) { l.MAC, l.Medium = laptop, MediumWireless },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(10, 0))},
		},
		"to another site and back, looks overlap by a minute": {
			[]Lease{
				named(laptop, northID, "", "", clock(8, 0), clock(9, 21)), named(laptop, southID, "", "", clock(9, 20), clock(9, 40)),
				named(laptop, northID, "", "", clock(9, 40), clock(11, 0)),
			},
			func(l *Leg) { l.MAC = laptop },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 20)), stay(laptop, southID, clock(9, 20), clock(9, 40)), stay(laptop, northID, clock(9, 40), clock(10, 0))},
		},
		"undocked": {
			[]Lease{wired(named(dock, northID, "LT-BERT", "10.1.0.5", clock(8, 0), clock(9, 20))), named(laptop, northID, "LT-BERT", "10.1.0.6", clock(8, 0), clock(11, 0))},
			func(l *Leg) { l.MAC = dock },
			[]Stay{stay(dock, northID, clock(9, 0), clock(9, 20)), stay(laptop, northID, clock(9, 20), clock(10, 0))},
		},
		"docked late, both addresses told": {
			[]Lease{wired(named(dock, northID, "", "10.1.0.5", clock(9, 20), clock(11, 0))), named(laptop, northID, "", "10.1.0.6", clock(8, 0), clock(9, 21))},
			func(l *Leg) { l.PrivateIPs = addrs("10.1.0.6", "10.1.0.5") },
			[]Stay{stay(laptop, northID, clock(9, 0), clock(9, 21)), stay(dock, northID, clock(9, 21), clock(10, 0))},
		},
		"out of sight for a while": {
			[]Lease{named(dock, northID, "LT-BERT", "", clock(8, 0), clock(9, 20)), named(dock, northID, "LT-BERT", "", clock(9, 22), clock(11, 0))},
			func(l *Leg) { l.MAC = dock },
			[]Stay{stay(dock, northID, clock(9, 0), clock(10, 0))},
		},
		"out of sight for long, nothing else known": {
			[]Lease{named(dock, northID, "LT-BERT", "", clock(8, 0), clock(9, 20)), named(dock, northID, "LT-BERT", "", clock(9, 50), clock(11, 0))},
			func(l *Leg) { l.MAC = dock },
			[]Stay{stay(dock, northID, clock(9, 0), clock(9, 20)), stay(dock, northID, clock(9, 50), clock(10, 0))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leg := leg
			test.change(&leg)
			got, matched := NewMatcher(office(), test.leases).Match(leg)
			if !matched {
				t.Fatalf("no match: %+v", got)
			}
			wellFormed(t, leg, got)
			if diff := cmp.Diff(test.want, got.Stays); diff != "" {
				t.Errorf("stays (-want +got):\n%s", diff)
			}
		})
	}
}
