package correlate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// naive is what Join promises, in the simplest words: for every media sample, look at
// every device sample.
func naive(devices Devices, stay Stay, samples Intervals) []Joined {
	finest := func(n int, spanAt func(i int) (span, bool), moment int64) int32 {
		best, found := span{}, None
		for i := range n {
			s, mine := spanAt(i)
			s.row = int32(i)
			if mine && s.from <= moment && moment < s.to && (found == None || s.finer(best)) {
				best, found = s, int32(i)
			}
		}
		return found
	}
	var out []Joined
	for i := range samples.Start {
		moment := middle(samples.Start[i], samples.End[i], stay.JoinAt.UnixMicro(), stay.LeaveAt.UnixMicro())
		joined := Joined{Radio: None, WAN: None}
		lease := finest(len(devices.Leases), func(i int) (span, bool) {
			l := devices.Leases[i]
			s := spanOf(l.From, l.To)
			s.rank = l.Source.rank()
			return s, l.MAC == stay.MAC
		}, moment)
		if lease != None {
			joined.AP, joined.Band = devices.Leases[lease].AP, devices.Leases[lease].Band
		}
		joined.Client = finest(len(devices.Clients), func(i int) (span, bool) {
			c := devices.Clients[i]
			return spanOf(c.From, c.To), c.MAC == stay.MAC
		}, moment)
		if joined.Client != None {
			c := devices.Clients[joined.Client]
			switch {
			case joined.AP.IsZero():
				joined.AP, joined.Band = c.AP, c.Band
			case !c.AP.IsZero() && c.AP != joined.AP:
				joined.Client = None
			case joined.Band == "":
				joined.Band = c.Band
			}
		}
		if !joined.AP.IsZero() {
			joined.Radio = finest(len(devices.Radios), func(i int) (span, bool) {
				r := devices.Radios[i]
				return spanOf(r.From, r.To), r.AP == joined.AP && r.Band == joined.Band
			}, moment)
		}
		up := map[uplinkKey]bool{}
		for _, w := range devices.WANs {
			if s := spanOf(w.From, w.To); w.SiteID == stay.SiteID && !w.Gateway.IsZero() && s.from <= moment && moment < s.to {
				up[uplinkKey{w.SiteID, w.Gateway, w.Port}] = true
			}
		}
		joined.WAN = finest(len(devices.WANs), func(i int) (span, bool) {
			w := devices.WANs[i]
			mine := w.SiteID == stay.SiteID && (w.Gateway.IsZero() != (len(up) == 1))
			return spanOf(w.From, w.To), mine
		}, moment)
		out = append(out, joined)
	}
	return out
}

func TestJoinEqualsNaive(t *testing.T) {
	t.Parallel()
	known := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 1))
		address := func(kind byte, n int) macaddr.Addr { return macaddr.Addr{0x5c, 0x5b, 0x35, kind, 0, byte(rng.IntN(n))} }
		zeroOr := func(addr macaddr.Addr) macaddr.Addr {
			if rng.IntN(4) == 0 {
				return macaddr.Addr{}
			}
			return addr
		}
		base := clock(9, 0)
		interval := func() (time.Time, time.Time) {
			from := base.Add(time.Duration(rng.IntN(3600)) * time.Second)
			return from, from.Add(time.Duration(rng.IntN(8)*rng.IntN(8)*30-30) * time.Second) // some empty, some long
		}
		bands := []string{"", "24", "5"}
		sites := []uuid.UUID{northID, southID}
		var devices Devices
		for range rng.IntN(40) {
			l := Lease{MAC: address(1, 2), AP: zeroOr(address(2, 3)), Band: bands[rng.IntN(3)], Source: []Source{SourceSession, SourceSnapshot, SourceSearch}[rng.IntN(3)]}
			l.From, l.To = interval()
			devices.Leases = append(devices.Leases, l)
		}
		for range rng.IntN(60) {
			c := ClientSpan{MAC: address(1, 2), AP: zeroOr(address(2, 3)), Band: bands[rng.IntN(3)]}
			c.From, c.To = interval()
			devices.Clients = append(devices.Clients, c)
		}
		for range rng.IntN(90) {
			r := RadioSpan{AP: address(2, 3), Band: bands[rng.IntN(3)]}
			r.From, r.To = interval()
			devices.Radios = append(devices.Radios, r)
		}
		for range rng.IntN(20) {
			w := WANSpan{SiteID: sites[rng.IntN(2)], Gateway: zeroOr(address(3, 2))}
			w.From, w.To = interval()
			devices.WANs = append(devices.WANs, w)
		}
		history := NewHistory(devices)
		for range 5 {
			stay := Stay{MAC: address(1, 2), SiteID: sites[rng.IntN(2)]}
			stay.JoinAt = base.Add(time.Duration(rng.IntN(1800)) * time.Second)
			stay.LeaveAt = stay.JoinAt.Add(time.Duration(rng.IntN(3000)) * time.Second)
			var samples Intervals
			for at := stay.JoinAt.Truncate(time.Minute); !at.After(stay.LeaveAt); at = at.Add(time.Minute) {
				if rng.IntN(10) == 0 {
					continue
				}
				samples.Start = append(samples.Start, at.UnixMicro())
				samples.End = append(samples.End, at.Add(time.Minute).UnixMicro())
			}
			want, got := naive(devices, stay, samples), history.Join(nil, []Stay{stay}, samples)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d (-naive +join):\n%s", seed, diff)
			}
			for _, j := range got {
				if j.Client != None && j.Radio != None && j.WAN != None {
					known++
				}
			}
		}
	}
	if known < 1000 {
		t.Errorf("only %d samples had everything known: the data proves little", known)
	}
}

func TestJoinFollowsRoam(t *testing.T) {
	t.Parallel()
	alice, first, second := mac(t, "5c5b350e0001"), mac(t, "d420b0000001"), mac(t, "d420b0000002")
	history := NewHistory(Devices{
		Leases: []Lease{
			{MAC: alice, AP: first, Band: "5", Source: SourceSnapshot, From: clock(8, 0), To: clock(9, 2)},
			{MAC: alice, AP: first, Band: "5", Source: SourceSession, From: clock(8, 0), To: clock(9, 1)},
			{MAC: alice, AP: second, Band: "24", Source: SourceSession, From: clock(9, 1), To: clock(10, 0)},
		},
		Clients: []ClientSpan{
			{MAC: alice, AP: first, Band: "5", From: clock(9, 0), To: clock(9, 1)},
			{MAC: alice, AP: first, Band: "5", From: clock(9, 1), To: clock(9, 2)}, // reported late: it speaks of before the roam
			{MAC: alice, From: clock(9, 0), To: clock(9, 10)},                      // coarse history, no access point
		},
		Radios: []RadioSpan{
			{AP: first, Band: "5", From: clock(8, 0), To: clock(10, 0)},
			{AP: second, Band: "24", From: clock(8, 0), To: clock(10, 0)},
		},
	})
	stay := Stay{MAC: alice, SiteID: northID, JoinAt: clock(9, 0), LeaveAt: clock(9, 4)}
	var samples Intervals
	for minute := range 4 {
		samples.Start = append(samples.Start, clock(9, minute).UnixMicro())
		samples.End = append(samples.End, clock(9, minute+1).UnixMicro())
	}
	want := []Joined{
		{AP: first, Band: "5", Client: 0, Radio: 0, WAN: None},
		{AP: second, Band: "24", Client: None, Radio: 1, WAN: None},
		{AP: second, Band: "24", Client: 2, Radio: 1, WAN: None},
		{AP: second, Band: "24", Client: 2, Radio: 1, WAN: None},
	}
	if diff := cmp.Diff(want, history.Join(nil, []Stay{stay}, samples)); diff != "" {
		t.Errorf("join (-want +got):\n%s", diff)
	}
}
