package correlate_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/secret"
	"callweave/internal/world"
)

// score counts what became of legs.
type score struct {
	legs      int // on a network, as many as were to be found
	clients   int // found as the client they were
	sites     int // found at the right site only
	hidden    int // on a network, behind a tunnel, under a name as bought and an address of no lease
	wrong     int // matched with another client or site
	wrongOrg  int // stored for an org they were not on
	byRule    map[correlate.Rule]int
	wrongRule map[correlate.Rule]int
}

func (s *score) precision() float64 {
	matched := s.clients + s.sites + s.wrong
	return float64(matched-s.wrong) / float64(max(1, matched))
}

func (s *score) recall() float64 { return float64(s.clients+s.sites) / float64(max(1, s.legs)) }

// matchWorld matches every leg of some days of an account with every org of its people.
func matchWorld(tb testing.TB, seed uint64, days int) score {
	tb.Helper()
	w, err := world.New(world.Config{
		Seed: seed, Orgs: 3, SitesPerOrg: 3, APsPerSite: 4, Accounts: 1, PeoplePerOrg: 100, MeetingsPerDay: 250,
	})
	if err != nil {
		tb.Fatal(err)
	}
	s := score{byRule: map[correlate.Rule]int{}, wrongRule: map[correlate.Rule]int{}}
	for day := range days {
		from := time.Date(2026, 11, 16+day, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 0, 1)
		meetings := w.MeetingsStarting(w.Accounts[0], from, to)
		for _, org := range w.Orgs {
			matcher := correlate.NewMatcher(sitesOf(org), leasesOf(w, org, from.Add(-time.Hour), to.Add(4*time.Hour)))
			for _, m := range meetings {
				for _, l := range m.Legs {
					s.add(org, l, matcher)
				}
			}
		}
	}
	return s
}

func (s *score) add(org *world.Org, l *world.Leg, matcher *correlate.Matcher) {
	here := l.Site != nil && l.Site.Org == org
	got, matched := matcher.Match(legOf(l))
	if here {
		s.legs++
		if l.VPN && l.MAC != l.Client.MAC && world.Unnamed(l.Hostname) {
			s.hidden++
		}
	}
	if !matched {
		return
	}
	s.byRule[got.Rule]++
	switch {
	case !here:
		s.wrong++
		s.wrongOrg++
		s.wrongRule[got.Rule]++
	case got.SiteID == l.Site.ID && got.MAC == l.Client.MAC && len(got.Stays) == 1:
		s.clients++
	case got.SiteID == l.Site.ID && got.MAC.IsZero():
		s.sites++
	default:
		s.wrong++
		s.wrongRule[got.Rule]++
	}
}

func sitesOf(org *world.Org) []correlate.Site {
	var sites []correlate.Site
	for _, s := range org.Sites {
		sites = append(sites, correlate.Site{ID: s.ID, PublicIPs: []netip.Addr{s.PublicIP}, Subnets: []netip.Prefix{s.Subnet.Masked()}})
	}
	return sites
}

// leasesOf are an org's leases as a collector that missed nothing has them.
func leasesOf(w *world.World, org *world.Org, from, to time.Time) []correlate.Lease {
	var leases []correlate.Lease
	for _, site := range org.Sites {
		addresses := map[macaddr.Addr][]world.Lease{}
		for _, l := range w.Leases(site, from, to) {
			addresses[l.Client.MAC] = append(addresses[l.Client.MAC], l)
			if l.Client.Wired {
				leases = append(leases, correlate.Lease{
					MAC: l.Client.MAC, SiteID: site.ID, IP: l.IP, Hostname: secret.New(l.Client.Hostname), Wired: true,
					Source: correlate.SourceSearch, From: l.From, To: l.To,
				})
			}
		}
		for _, session := range w.Sessions(site, from, to) {
			lease := correlate.Lease{
				MAC: session.Client.MAC, SiteID: site.ID, Hostname: secret.New(session.Client.Hostname),
				AP: session.AP.MAC, Band: string(session.Band), Source: correlate.SourceSession, From: session.ConnectAt, To: session.DisconnectAt,
			}
			of := addresses[session.Client.MAC]
			if i := slices.IndexFunc(of, func(l world.Lease) bool {
				return !l.From.After(session.ConnectAt) && l.To.After(session.ConnectAt)
			}); i >= 0 {
				lease.IP = of[i].IP
			}
			leases = append(leases, lease)
		}
	}
	return leases
}

func legOf(l *world.Leg) correlate.Leg {
	media := map[string]correlate.Medium{"Wired": correlate.MediumWired, "Wifi": correlate.MediumWireless, "Cellular": correlate.MediumCellular}
	return correlate.Leg{
		JoinAt: l.JoinAt, LeaveAt: l.LeaveAt, MAC: l.MAC, PublicIP: l.PublicIP, PrivateIPs: []netip.Addr{l.PrivateIP},
		Hostname: secret.New(l.Hostname), Medium: media[l.Network], Guest: l.Person == nil,
	}
}

func (s *score) check(tb testing.TB) {
	tb.Helper()
	if s.precision() < 0.999 || s.recall() < 0.99 || s.wrongOrg > 0 {
		tb.Errorf("precision %.5f, recall %.5f, %d legs for an org they were not on; want at least 0.999 and 0.99, and none",
			s.precision(), s.recall(), s.wrongOrg)
	}
}

func TestMatchAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	s := matchWorld(t, 1, 1)
	s.check(t)
	for _, rule := range []correlate.Rule{correlate.RuleMAC, correlate.RulePrivateIP, correlate.RuleHostname} {
		if s.byRule[rule] == 0 {
			t.Errorf("nothing was matched by %s: the test proves little", rule)
		}
	}
}

// BenchmarkMatchQuality matches five days of worlds that nothing was tried on, and prints
// how well. The leases are the world's own; how well those that are collected do is shown
// by the tests of package weave.
func BenchmarkMatchQuality(b *testing.B) {
	for range b.N {
		for seed := uint64(101); seed <= 105; seed++ {
			s := matchWorld(b, seed, 5)
			s.check(b)
			b.Logf("seed %d: %d legs on a network: precision %.5f, recall %.5f (of clients %.5f), %d hidden, %d wrong, %d for a wrong org",
				seed, s.legs, s.precision(), s.recall(), float64(s.clients)/float64(s.legs), s.hidden, s.wrong, s.wrongOrg)
			for _, rule := range []correlate.Rule{correlate.RuleMAC, correlate.RulePrivateIP, correlate.RuleHostname, correlate.RulePublicIP} {
				b.Logf("    %-10s %5d matched, %d wrong: %5.2f %% of the legs", rule, s.byRule[rule], s.wrongRule[rule],
					100*float64(s.byRule[rule]-s.wrongRule[rule])/float64(s.legs))
			}
		}
	}
}

// Where a leg's own leases settle its match, all others change nothing; and most are settled.
func TestSettledMatchesNeedNoOtherLease(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Config{Seed: 7, Orgs: 3, SitesPerOrg: 3, APsPerSite: 4, Accounts: 1, PeoplePerOrg: 60, MeetingsPerDay: 60})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	legs, settled := 0, map[bool]int{}
	for _, org := range w.Orgs {
		all := leasesOf(w, org, from.Add(-time.Hour), from.Add(28*time.Hour))
		matcher := correlate.NewMatcher(sitesOf(org), all)
		for _, m := range w.MeetingsStarting(w.Accounts[0], from, from.AddDate(0, 0, 1)) {
			for _, l := range m.Legs {
				leg := legOf(l)
				macs := map[macaddr.Addr]bool{leg.MAC: true}
				for _, lease := range all {
					if slices.Contains(leg.PrivateIPs, lease.IP) && lease.From.Before(leg.LeaveAt) && lease.To.After(leg.JoinAt) {
						macs[lease.MAC] = true
					}
				}
				own := slices.DeleteFunc(slices.Clone(all), func(l correlate.Lease) bool { return !macs[l.MAC] })
				near := correlate.NewMatcher(sitesOf(org), own)
				legs++
				if !near.Settled(leg) {
					continue
				}
				want, matched := matcher.Match(leg)
				got, nearMatched := near.Match(leg)
				settled[matched]++
				if diff := cmp.Diff(want, got); matched != nearMatched || diff != "" {
					t.Errorf("leg of %v: all leases match %v, its own %v (-all +own):\n%s", leg.JoinAt, matched, nearMatched, diff)
				}
			}
		}
	}
	t.Logf("%d of %d legs are settled by their own leases: %d matched, %d not", settled[true]+settled[false], legs, settled[true], settled[false])
	if settled[true] == 0 || settled[false] == 0 {
		t.Error("the test proves nothing")
	}
}
