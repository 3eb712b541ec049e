package world

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMeetingsAreWellFormed(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	var alone, rejoins, guests, vpn, overMidnight, onTheMinute, offTheMinute, mobile, home, private int
	hours := make(map[int]int)
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 14)) {
		hours[m.StartAt.Hour()]++
		if m.Alone() {
			alone++
		}
		if m.StartAt.YearDay() != m.EndAt.YearDay() {
			overMidnight++
		}
		if m.StartAt.Second() == 0 {
			onTheMinute++
		} else {
			offTheMinute++
		}
		last := m.Legs[0].LeaveAt
		joins := make(map[string]bool)
		attendees := make(map[string]bool)
		users := make(map[string]string)
		for i, l := range m.Legs {
			if l.JoinAt.Before(m.StartAt) || l.LeaveAt.After(m.EndAt) || !l.JoinAt.Before(l.LeaveAt) {
				t.Errorf("leg [%s, %s) is outside its meeting [%s, %s)", l.JoinAt, l.LeaveAt, m.StartAt, m.EndAt)
			}
			if i > 0 && l.JoinAt.Before(m.Legs[i-1].JoinAt) {
				t.Error("legs are not in the order of joining")
			}
			if who, ok := users[l.UserID]; ok && who != l.Attendee() {
				t.Errorf("user_id %s is of two attendees", l.UserID)
			}
			users[l.UserID] = l.Attendee()
			if key := l.UserID + l.JoinAt.String(); joins[key] {
				t.Errorf("join %s is there twice", key)
			} else {
				joins[key] = true
			}
			if attendees[l.Attendee()] {
				rejoins++
			}
			attendees[l.Attendee()] = true
			if l.LeaveAt.After(last) {
				last = l.LeaveAt
			}
			switch {
			case l.Person == nil:
				guests++
			case l.Network == "Cellular":
				mobile++
			case l.Site == nil:
				home++
			}
			if l.VPN {
				vpn++
			}
			if l.Client != nil && !l.MAC.IsZero() && l.MAC != l.Client.MAC {
				private++
			}
			if (l.Site == nil) != (l.Client == nil) {
				t.Error("a leg has a client without a site, or a site without a client")
			}
			if l.Site != nil && !l.VPN && (l.PublicIP != l.Site.PublicIP || !l.Site.Subnet.Contains(l.PrivateIP)) {
				t.Errorf("leg on %s has addresses %s and %s", l.Site.Name, l.PublicIP, l.PrivateIP)
			}
			if l.VPN && l.Site != nil && (l.Site.Subnet.Contains(l.PrivateIP) || l.PublicIP == l.Site.PublicIP && l.Site != l.Site.Org.Sites[0]) {
				t.Error("a leg on VPN shows the site's addresses")
			}
		}
		if !m.Legs[0].JoinAt.Equal(m.StartAt) || !last.Equal(m.EndAt) {
			t.Errorf("meeting [%s, %s) has legs of [%s, %s)", m.StartAt, m.EndAt, m.Legs[0].JoinAt, last)
		}
	}
	for hour := range 24 {
		if hours[hour] == 0 {
			t.Errorf("no meeting begins at %d o'clock UTC in two weeks", hour)
		}
	}
	for name, n := range map[string]int{
		"alone": alone, "rejoin": rejoins, "guest": guests, "vpn": vpn, "over midnight": overMidnight, "mobile": mobile,
		"home": home, "on the minute": onTheMinute, "off the minute": offTheMinute, "unreported private address": private,
	} {
		if n == 0 {
			t.Errorf("no %s in two weeks", name)
		}
	}
}

func TestNobodyIsInTwoMeetings(t *testing.T) {
	t.Parallel()
	cfg := DemoConfig(3)
	cfg.MeetingsPerDay = 240 // nobody has a free hour, least of all around midnight
	w := newWorld(t, cfg)
	legs := make(map[*Person][]*Leg)
	for _, m := range w.MeetingsStarting(w.Accounts[0], monday(), monday().AddDate(0, 0, 30)) {
		for _, l := range m.Legs {
			if l.Person != nil {
				legs[l.Person] = append(legs[l.Person], l)
			}
		}
	}
	for p, list := range legs {
		slices.SortFunc(list, func(a, b *Leg) int { return a.JoinAt.Compare(b.JoinAt) })
		for i := 1; i < len(list); i++ {
			if list[i].JoinAt.Before(list[i-1].LeaveAt) {
				t.Errorf("person %d is in two meetings at %s", p.index, list[i].JoinAt)
			}
		}
	}
}

func TestMeetingsByWindow(t *testing.T) {
	t.Parallel()
	w := demo(t, 1)
	a := w.Accounts[0]
	from, to := monday().AddDate(0, 0, -1), monday().AddDate(0, 0, 8)
	all := w.MeetingsStarting(a, from, to)
	started, ended := 0, 0
	for at := monday(); at.Before(monday().AddDate(0, 0, 6)); at = at.Add(37 * time.Minute) {
		end := at.Add(37 * time.Minute)
		for _, m := range all {
			if !m.StartAt.Before(at) && m.StartAt.Before(end) {
				started++
			}
			if !m.EndAt.Before(at) && m.EndAt.Before(end) {
				ended++
			}
		}
		got := w.MeetingsStarting(a, at, end)
		started -= len(got)
		ended -= len(w.MeetingsEnding(a, at, end))
		if !slices.IsSortedFunc(got, func(a, b *Meeting) int { return a.StartAt.Compare(b.StartAt) }) {
			t.Error("meetings are not in order of start")
		}
	}
	if started != 0 || ended != 0 {
		t.Errorf("windows miss %d starts and %d ends of meetings", started, ended)
	}
}

func TestMeetingByUUID(t *testing.T) {
	t.Parallel()
	cfg := DemoConfig(1)
	cfg.Accounts = 2
	w, fresh := newWorld(t, cfg), newWorld(t, cfg)
	a := w.Accounts[0]
	var leading, double, plus, n int
	for month := range 13 {
		day := monday().AddDate(0, -month, -month)
		for _, m := range w.MeetingsStarting(a, day, day.AddDate(0, 0, 3)) {
			n++
			text := base64.StdEncoding.EncodeToString(m.UUID[:])
			if strings.HasPrefix(text, "/") {
				leading++
			}
			if strings.Contains(text, "//") {
				double++
			}
			if strings.Contains(text, "+") {
				plus++
			}
			got, ok := fresh.MeetingByUUID(fresh.Accounts[0], m.UUID)
			if !ok || got.UUID != m.UUID || !got.StartAt.Equal(m.StartAt) || got.Host.Email != m.Host.Email {
				t.Fatalf("meeting %s of %s is not found", text, m.StartAt)
			}
			if _, ok := w.MeetingByUUID(w.Accounts[1], m.UUID); ok {
				t.Error("a meeting is found in another account")
			}
			spoilt := m.UUID
			spoilt[n%16] ^= 1
			if _, ok := w.MeetingByUUID(a, spoilt); ok {
				t.Error("a UUID of no meeting is found")
			}
		}
	}
	if leading*100 < 2*n || double*100 < 2*n || plus*100 < 5*n {
		t.Errorf("of %d UUIDs %d begin with /, %d hold //, %d hold +: want at least 2, 2 and 5 percent", n, leading, double, plus)
	}
}
