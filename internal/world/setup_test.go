package world

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func monday() time.Time { return time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC) }

func demo(t testing.TB, seed uint64) *World {
	t.Helper()
	return newWorld(t, DemoConfig(seed))
}

func newWorld(t testing.TB, cfg Config) *World {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// eachMinute visits every leg-minute of a week of account 0, with the moment in the
// middle of what the leg has of it.
func eachMinute(w *World, days int, visit func(l *Leg, m Minute, middle time.Time)) {
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, days)) {
		for _, l := range m.Legs {
			for _, minute := range w.Minutes(l) {
				from, to := minute.StartAt.Unix(), minute.StartAt.Unix()+60
				from, to = max(from, l.JoinAt.Unix()), min(to, l.LeaveAt.Unix())
				visit(l, minute, unixTime(from+(to-from)/2))
			}
		}
	}
}

// describe writes everything that can be seen of a day of an account and of the
// networks of its people.
func describe(w *World, day time.Time) string {
	var b strings.Builder
	next := day.AddDate(0, 0, 1)
	for _, m := range w.MeetingsStarting(w.Accounts[0], day, next) {
		fmt.Fprintln(&b, m.UUID, m.Number, m.Topic, m.Host.Email, m.StartAt, m.EndAt)
		for _, l := range m.Legs {
			fmt.Fprintln(&b, l.UserID, l.UUID, l.Attendee(), l.VPN, l.JoinAt, l.LeaveAt, l.PublicIP, l.PrivateIP,
				l.Device, l.OS, l.Hostname, l.MAC, l.DataCenter, l.Network, l.VideoOn, l.Sharing)
			for _, stay := range l.Stays {
				fmt.Fprintln(&b, stay.Site != nil, stay.Client != nil && stay.Client.Wired, stay.From, stay.To)
			}
			for _, minute := range w.Minutes(l) {
				rssi := minute.RSSI
				minute.RSSI = nil
				fmt.Fprintf(&b, "%+v %+v\n", minute, rssi)
			}
		}
	}
	for _, org := range w.Orgs {
		for _, site := range org.Sites {
			for _, s := range w.Sessions(site, day, next) {
				fmt.Fprintln(&b, s.Client.MAC, s.AP.MAC, s.Band, s.ConnectAt, s.DisconnectAt)
			}
			for _, l := range w.Leases(site, day, next) {
				fmt.Fprintln(&b, l.Client.MAC, l.IP, l.From, l.To)
			}
			for hour := 0; hour < 24; hour += 5 {
				at := day.Add(time.Duration(hour)*time.Hour + 7*time.Minute)
				fmt.Fprintf(&b, "%+v\n", w.WANAt(site, at))
				for _, ap := range site.APs {
					fmt.Fprintf(&b, "%+v\n", w.RadioAt(ap, Band5, at))
				}
				for _, c := range w.ClientsOf(site) {
					state, ok := w.ClientAt(c, at)
					if state.AP != nil {
						fmt.Fprint(&b, state.AP.MAC)
						state.AP = nil
					}
					fmt.Fprintf(&b, "%v %+v\n", ok, state)
				}
			}
		}
	}
	return b.String()
}
