package world

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"callweave/internal/macaddr"
)

func TestSessionsCoverLegs(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	from, to := monday(), monday().AddDate(0, 0, 7)
	sessions := make(map[*Client][]Session)
	for _, org := range w.Orgs {
		for _, site := range org.Sites {
			for _, s := range w.Sessions(site, from.AddDate(0, 0, -1), to.AddDate(0, 0, 1)) {
				sessions[s.Client] = append(sessions[s.Client], s)
			}
		}
	}
	roams := 0
	for _, m := range w.MeetingsStarting(w.Accounts[0], from, to) {
		for _, l := range m.Legs {
			if l.Client == nil || l.Client.Wired {
				continue
			}
			at := l.JoinAt
			for _, s := range sessions[l.Client] {
				if s.Site == l.Site && !s.ConnectAt.After(at) && s.DisconnectAt.After(at) {
					if at = s.DisconnectAt; at.Before(l.LeaveAt) {
						roams++
					}
				}
			}
			if at.Before(l.LeaveAt) {
				t.Errorf("leg [%s, %s) is without association from %s on", l.JoinAt, l.LeaveAt, at)
			}
		}
	}
	if roams == 0 {
		t.Error("nobody roams during a call in a week")
	}
}

func TestClientAtAgreesWithSessionsAndLegs(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	wired := 0
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 3)) {
		for _, l := range m.Legs {
			if l.Client == nil {
				continue
			}
			for _, at := range []time.Time{l.JoinAt, l.JoinAt.Add(l.LeaveAt.Sub(l.JoinAt) / 2), l.LeaveAt.Add(-time.Second)} {
				state, ok := w.ClientAt(l.Client, at)
				if !ok || (state.AP == nil) != l.Client.Wired {
					t.Fatalf("client of a leg at %s: connected %v, AP %v, wired %v", at, ok, state.AP != nil, l.Client.Wired)
				}
				if !l.VPN && state.IP != l.PrivateIP {
					t.Errorf("network knows %s, the leg has %s", state.IP, l.PrivateIP)
				}
				if state.AssocAt.After(at) || state.TxBytes < 0 {
					t.Errorf("association of %s begins at %s", at, state.AssocAt)
				}
				if l.Client.Wired {
					wired++
					continue
				}
				found := w.Sessions(l.Site, at, at.Add(time.Second))
				if !slices.ContainsFunc(found, func(s Session) bool {
					return s.Client == l.Client && s.AP == state.AP && s.Band == state.Band && s.ConnectAt.Equal(state.AssocAt)
				}) {
					t.Errorf("no session at %s is the association the network knows", at)
				}
			}
		}
	}
	if wired == 0 {
		t.Error("nobody calls from a dock in three days")
	}
}

func TestCountersGrowWithinAnAssociation(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	compared := 0
	for _, c := range w.ClientsOf(w.Orgs[0].Sites[0]) {
		var before ClientState
		for at := monday(); at.Before(monday().AddDate(0, 0, 1)); at = at.Add(97 * time.Second) {
			now, ok := w.ClientAt(c, at)
			if ok && now.AssocAt.Equal(before.AssocAt) {
				compared++
				if now.TxBytes < before.TxBytes || now.RxBytes < before.RxBytes || now.TxRetries < before.TxRetries || now.RxRetries < before.RxRetries {
					t.Fatalf("a counter fell at %s", at)
				}
			}
			before = now
		}
	}
	if compared == 0 {
		t.Error("no association lasts")
	}
}

func TestLeasesAreExclusiveAndReused(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	users := make(map[netip.Addr]map[macaddr.Addr]bool)
	for _, org := range w.Orgs {
		for _, site := range org.Sites {
			leases := w.Leases(site, monday(), monday().AddDate(0, 0, 7))
			slices.SortFunc(leases, func(a, b Lease) int { return cmp.Or(a.IP.Compare(b.IP), a.From.Compare(b.From)) })
			for i, l := range leases {
				if !site.Subnet.Contains(l.IP) || !l.From.Before(l.To) {
					t.Errorf("lease of %s from %s to %s at %s", l.IP, l.From, l.To, site.Subnet)
				}
				if i > 0 && leases[i-1].IP == l.IP && l.From.Before(leases[i-1].To) {
					t.Errorf("%s is leased twice at %s", l.IP, l.From)
				}
				if site == w.Orgs[0].Sites[0] {
					if users[l.IP] == nil {
						users[l.IP] = make(map[macaddr.Addr]bool)
					}
					users[l.IP][l.Client.MAC] = true
				}
			}
		}
	}
	for _, clients := range users {
		if len(clients) > 1 {
			return
		}
	}
	t.Error("no address is used by two clients in a week")
}

func TestHomeWorkersAreOnNoNetwork(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	found := 0
	for _, p := range w.Accounts[0].People {
		if !p.AtHome {
			continue
		}
		found++
		for hour := range 24 {
			if _, ok := w.ClientAt(p.Clients[0], monday().Add(time.Duration(hour)*time.Hour)); ok {
				t.Errorf("home worker %d is on a network", p.index)
			}
		}
	}
	if found == 0 {
		t.Error("nobody works from home")
	}
}

func TestRadioCountsItsSessions(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	site := w.Orgs[0].Sites[0]
	for at := monday().Add(30 * time.Second); at.Before(monday().AddDate(0, 0, 1)); at = at.Add(11 * time.Minute) {
		sessions := w.Sessions(site, at, at.Add(time.Second))
		for _, ap := range site.APs {
			for _, band := range []Band{Band24, Band5, Band6} {
				want := 0
				for _, s := range sessions {
					if s.AP == ap && s.Band == band {
						want++
					}
				}
				a := w.air(ap, band, floorDiv(at.Unix(), 60))
				if a.clients != want || w.RadioAt(ap, band, at).NumClients != want+a.visitors {
					t.Errorf("%s band %s at %s counts %d clients, has %d sessions", ap.Name, band, at, a.clients, want)
				}
			}
		}
	}
}
