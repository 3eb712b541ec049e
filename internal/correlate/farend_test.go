package correlate_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
)

// What is counted is what looking at every pair of legs would find.
func TestFarEndIsTheOthers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 11))
	sites := []uuid.UUID{uuid.Nil, uuid.New(), uuid.New()}
	addrs := []netip.Addr{{}, netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2"), netip.MustParseAddr("192.0.2.9")}
	type sample struct {
		leg        int
		at         correlate.Network
		start, end int64
		bad        *bool
	}
	for round := range 50 {
		base := time.Date(2026, 11, 18, 15, round, 0, 0, time.UTC).UnixMicro()
		second := int64(time.Second / time.Microsecond)
		var samples []sample
		for leg := range 12 {
			at := correlate.Network{Site: sites[random.IntN(len(sites))], PublicIP: addrs[random.IntN(len(addrs))]}
			offset := int64(random.IntN(60)) * second // of providers that do not measure by the clock
			for minute := range int64(20) {
				if random.IntN(5) == 0 {
					continue
				}
				if random.IntN(20) == 0 {
					at.Site = sites[random.IntN(len(sites))]
				}
				start := base + 60*minute*second + offset
				s := sample{leg: leg, at: at, start: start, end: start + 60*second}
				if random.IntN(4) > 0 {
					bad := random.IntN(3) == 0
					s.bad = &bad
				}
				samples = append(samples, s)
			}
		}
		far := correlate.NewFarEnd(base, base+25*60*second)
		for _, s := range samples {
			if s.bad != nil {
				far.Add(s.at, s.start, s.end, *s.bad)
			}
		}
		for _, s := range samples {
			var want correlate.Others
			middle := (s.start + (s.end-s.start-1)/2) / (60 * second) * 60 * second
			moment := middle + 30*second // every sample covers the middle of the minute it counts in
			for _, other := range samples {
				if other.leg == s.leg || other.bad == nil || other.start > moment || other.end <= moment {
					continue
				}
				near := other.at.Site != uuid.Nil && other.at.Site == s.at.Site || other.at.PublicIP.IsValid() && other.at.PublicIP == s.at.PublicIP
				want.Legs++
				if near {
					want.Near++
				}
				if *other.bad {
					want.Bad++
					if near {
						want.NearBad++
					}
				}
			}
			if got := far.Others(s.at, s.start, s.end, s.bad); got != want {
				t.Fatalf("round %d, leg %d at %d: %+v, want %+v", round, s.leg, (s.start-base)/second, got, want)
			}
		}
	}
}

func TestFarEndOfLongAndShortSamples(t *testing.T) {
	t.Parallel()
	minute := int64(time.Minute / time.Microsecond)
	far := correlate.NewFarEnd(0, 30*minute)
	home := correlate.Network{PublicIP: netip.MustParseAddr("192.0.2.9")}
	far.Add(correlate.Network{}, 0, 20*minute, true)              // a stream
	far.Add(correlate.Network{}, 5*minute, 5*minute+1000, false)  // a part of a second
	far.Add(correlate.Network{}, -90*minute, -80*minute, true)    // of another time
	far.Add(correlate.Network{}, 29*minute, 10_000*minute, false) // reaches beyond
	for at, want := range map[int64]correlate.Others{0: {Legs: 1, Bad: 1}, 5: {Legs: 2, Bad: 1}, 19: {Legs: 1, Bad: 1}, 20: {}, 29: {Legs: 1}, 1000: {}, -5: {}} {
		if got := far.Others(home, at*minute, (at+1)*minute, nil); got != want {
			t.Errorf("minute %d: %+v, want %+v", at, got, want)
		}
	}
}

func TestTunnelled(t *testing.T) {
	t.Parallel()
	site := correlate.Site{PublicIPs: []netip.Addr{netip.MustParseAddr("203.0.113.7")}, Subnets: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	bare := correlate.Site{}
	leased := []netip.Addr{netip.MustParseAddr("10.9.0.7")}
	yes, no := true, false
	for name, tt := range map[string]struct {
		private, public string
		site            correlate.Site
		leased          []netip.Addr
		want            *bool
	}{
		"of the site":                  {"10.1.4.7", "203.0.113.7", site, nil, &no},
		"the client's own":             {"10.9.0.7", "198.51.100.1", site, leased, &no},
		"of no network of the site":    {"10.250.0.9", "198.51.100.1", site, nil, &yes},
		"and ends at the site":         {"10.250.0.9", "203.0.113.7", site, nil, &yes},
		"not the client's own":         {"10.250.0.9", "", bare, leased, &yes},
		"nothing known of the site":    {"10.250.0.9", "203.0.113.7", bare, nil, nil},
		"only seen at the site":        {"", "203.0.113.7", site, nil, &no},
		"only seen elsewhere":          {"", "198.51.100.1", site, nil, nil},
		"a made-up address":            {"169.254.1.1", "198.51.100.1", site, nil, nil},
		"another kind of address":      {"2001:db8::1", "203.0.113.7", site, leased, &no},
		"nothing shown, nothing known": {"", "", bare, nil, nil},
	} {
		leg := correlate.Leg{}
		if tt.private != "" {
			leg.PrivateIPs = []netip.Addr{netip.MustParseAddr(tt.private)}
		}
		if tt.public != "" {
			leg.PublicIP = netip.MustParseAddr(tt.public)
		}
		if diff := cmp.Diff(tt.want, correlate.Tunnelled(leg, tt.site, tt.leased)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRoams(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	client, desk, hall := macaddr.Addr{1}, macaddr.Addr{2}, macaddr.Addr{3}
	lease := func(ap macaddr.Addr, from, to int) correlate.Lease {
		return correlate.Lease{MAC: client, AP: ap, Source: correlate.SourceSession, From: at(from), To: at(to)}
	}
	history := correlate.NewHistory(correlate.Devices{Leases: []correlate.Lease{
		lease(desk, -600, 70), lease(hall, 70, 80), lease(desk, 80, 120), // there and back within a minute
		lease(desk, 120, 150), // another address
		lease(hall, 200, 260), // out of sight for a while
		lease(desk, 300, 900),
	}})
	samples := correlate.Intervals{}
	for minute := range int64(5) {
		samples.Start = append(samples.Start, at(0).UnixMicro()+minute*60_000_000)
		samples.End = append(samples.End, at(0).UnixMicro()+(minute+1)*60_000_000)
	}
	got := history.Roams(nil, []correlate.Stay{{MAC: client, JoinAt: at(10), LeaveAt: at(290)}}, samples)
	if diff := cmp.Diff([]int32{0, 2, 0, 1, 0}, got); diff != "" {
		t.Errorf("roams (-want +got):\n%s", diff)
	}
	if got := history.Roams([]int32{9}, nil, correlate.Intervals{Start: []int64{0}, End: []int64{1}}); !cmp.Equal(got, []int32{9, 0}) {
		t.Errorf("without a stay: %v", got)
	}
}
