package world

import (
	"testing"
	"time"
)

func moving(t testing.TB, seed uint64) *World {
	t.Helper()
	cfg := DemoConfig(seed)
	cfg.MovesPercent = 40
	return newWorld(t, cfg)
}

// Moves change where people are in calls, and nothing else: not who meets whom, nor when.
func TestMovesChangeNoMeeting(t *testing.T) {
	t.Parallel()
	still, moved := demo(t, 1), moving(t, 1)
	from, to := monday(), monday().AddDate(0, 0, 3)
	want, got := still.MeetingsStarting(still.Accounts[0], from, to), moved.MeetingsStarting(moved.Accounts[0], from, to)
	if len(want) != len(got) {
		t.Fatalf("%d meetings, want %d", len(got), len(want))
	}
	for i, m := range want {
		if got[i].UUID != m.UUID || len(got[i].Legs) != len(m.Legs) {
			t.Fatalf("meeting %d differs", i)
		}
		for k, l := range m.Legs {
			o := got[i].Legs[k]
			if o.UUID != l.UUID || !o.JoinAt.Equal(l.JoinAt) || !o.LeaveAt.Equal(l.LeaveAt) || o.Attendee() != l.Attendee() || o.VPN != l.VPN {
				t.Errorf("leg of %s differs", l.JoinAt)
			}
			if len(o.Stays) == 1 && (o.PrivateIP != l.PrivateIP || o.PublicIP != l.PublicIP || o.MAC != l.MAC || o.Network != l.Network) {
				t.Errorf("leg of %s shows other addresses though it did not move", l.JoinAt)
			}
		}
	}
}

// What the networks know of somebody who moves is where they are, to the second: a client
// is on a network while a stay of a call says so, and no client of theirs is while they are
// outside.
func TestNetworksFollowMoves(t *testing.T) {
	t.Parallel()
	w := moving(t, 2)
	kinds := map[string]int{}
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 14)) {
		for _, l := range m.Legs {
			at := l.JoinAt
			for i, stay := range l.Stays {
				if !stay.From.Equal(at) || !stay.From.Before(stay.To) {
					t.Fatalf("stay [%s, %s) follows %s", stay.From, stay.To, at)
				}
				at = stay.To
				if l.Person == nil || len(l.Stays) == 1 {
					continue
				}
				for _, moment := range []time.Time{stay.From, stay.From.Add(stay.To.Sub(stay.From) / 2), stay.To.Add(-time.Second)} {
					checkStay(t, w, l, stay, moment)
				}
				if i > 0 {
					kinds[l.Stays[i-1].place(l)+" to "+stay.place(l)]++
				}
			}
			if !at.Equal(l.LeaveAt) {
				t.Fatalf("stays end at %s, the leg at %s", at, l.LeaveAt)
			}
		}
	}
	for _, kind := range []string{"air to wire", "wire to air", "air to outside", "outside to air", "wire to outside", "outside to another site"} {
		if kinds[kind] == 0 {
			t.Errorf("nobody moves from %s: %v", kind, kinds)
		}
	}
}

// place names a stay for a count of moves.
func (s Stay) place(l *Leg) string {
	switch {
	case s.Site == nil:
		return "outside"
	case s.Site != l.Person.whereabouts(l.Person.localDay(l.JoinAt.Unix())):
		return "another site"
	case s.Client.Wired:
		return "wire"
	}
	return "air"
}

func checkStay(t *testing.T, w *World, l *Leg, stay Stay, moment time.Time) {
	t.Helper()
	if stay.Client == nil {
		for _, c := range l.Person.Clients {
			if _, on := w.ClientAt(c, moment); on {
				t.Errorf("client of somebody outside is on a network at %s", moment)
			}
		}
		return
	}
	state, on := w.ClientAt(stay.Client, moment)
	if !on || !stay.Site.Subnet.Contains(state.IP) || (state.AP == nil) != stay.Client.Wired || state.AP != nil && state.AP.Site != stay.Site {
		t.Errorf("client of a stay at %s is on a network %v, %+v", moment, on, state)
	}
	leases := 0
	for _, lease := range w.Leases(stay.Site, moment, moment.Add(time.Second)) {
		if lease.Client == stay.Client && lease.IP == state.IP {
			leases++
		}
	}
	if leases != 1 {
		t.Errorf("client of a stay at %s has %d leases", moment, leases)
	}
}

func TestMovesAreTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	first, second := moving(t, 1), moving(t, 1)
	second.tracks = newCache[personDay, *track](40)
	next := describe(second, monday().AddDate(0, 0, 1))
	if describe(first, monday()) != describe(second, monday()) || describe(first, monday().AddDate(0, 0, 1)) != next {
		t.Error("moves depend on what was asked before")
	}
}
