package weave_test

import (
	"maps"
	"math"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/world"
)

// evidence reports whether anything Zoom shows of the leg can be found in the network's
// data: its hardware address, its own private address, which a tunnel hides, or its
// name, if somebody gave it one.
func evidence(l *world.Leg) bool {
	if len(l.Stays) > 1 && world.Unnamed(l.Hostname) {
		return false // whose dock it is, and who is at home, only the name tells
	}
	return l.Client == nil || l.MAC == l.Client.MAC || !l.VPN || !world.Unnamed(l.Hostname)
}

// middle is the middle of what the leg has of a minute.
func middle(l *world.Leg, start time.Time) time.Time {
	from, to := maxTime(start, l.JoinAt), minTime(start.Add(time.Minute), l.LeaveAt)
	return from.Add(to.Sub(from) / 2)
}

type matched struct {
	MAC  macaddr.Addr
	Site uuid.UUID
}

// matches reads what is stored for an org, by leg.
func (b *bundle) matches(t *testing.T, org uuid.UUID) map[string]matched {
	t.Helper()
	return b.whereabouts(t, `select l.meeting_id, l.participant_id, l.join_at, m.join_at, m.client_mac, m.site_id
from matches m join legs l using (leg_id) where m.org_id = $1`, org, func(leg string, _ time.Time) string { return leg })
}

// placed reads where the minutes of legs are stored to have been, for an org.
func (b *bundle) placed(t *testing.T, org uuid.UUID) map[string]matched {
	t.Helper()
	return b.whereabouts(t, `select l.meeting_id, l.participant_id, l.join_at, c.start_at, c.client_mac, c.site_id
from call_minutes c join legs l using (leg_id) where c.org_id = $1`, org, minuteKey)
}

func minuteKey(leg string, start time.Time) string { return leg + start.UTC().Format(" 15:04") }

func (b *bundle) whereabouts(t *testing.T, sql string, org uuid.UUID, key func(leg string, start time.Time) string) map[string]matched {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), sql, org)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]matched{}
	for rows.Next() {
		var meeting, participant string
		var joinAt, start time.Time
		var hw net.HardwareAddr
		var m matched
		if err := rows.Scan(&meeting, &participant, &joinAt, &start, &hw, &m.Site); err != nil {
			t.Fatal(err)
		}
		m.MAC = macaddr.FromHardware(hw)
		found[key(legKey(meeting, participant, joinAt), start)] = m
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// worlds are those to weave, each with how many of a hundred calls somebody moves in. The
// seed that CALLWEAVE_WORLD_SEED names replaces the others.
func worlds(t *testing.T) (list []world.Config) {
	t.Helper()
	seeds := []uint64{7, 20261122}
	if text := os.Getenv("CALLWEAVE_WORLD_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed, seed}
	}
	for i, seed := range seeds {
		cfg := world.DemoConfig(seed)
		cfg.MeetingsPerDay, cfg.MovesPercent = 60, 30*i
		list = append(list, cfg)
	}
	return list
}

// Three orgs with the same private addresses share one Zoom account. Everything that can
// be recognised is, as what it was, minute by minute for the org it was on and for no other;
// and the bad minutes are those of the world.
func TestWeaveAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	for _, cfg := range worlds(t) {
		seed := cfg.Seed
		begin := time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)
		b := setup(t, cfg, begin)

		// Five hours come from histories, the last minutes from polls.
		const polls = 20
		for range polls {
			b.collect(t)
			b.clock.Add(60)
		}
		b.collect(t)
		meetings := b.world.MeetingsEnding(b.account, begin.Add(-5*time.Hour), b.now().Add(-2*time.Minute))
		b.harvest(t, meetings)

		truth := map[uuid.UUID]*orgTruth{}
		for _, org := range b.world.Orgs {
			truth[org.ID] = &orgTruth{legs: map[string]matched{}, minutes: map[string]matched{}}
		}
		hidden, movers := 0, 0
		for _, m := range meetings {
			for _, l := range m.Legs {
				if l.Person == nil || !evidence(l) {
					hidden++
					continue
				}
				if truth[l.Person.Org.ID].add(b, l); len(l.Stays) > 1 {
					movers++
				}
			}
		}
		for _, org := range b.world.Orgs {
			woven, want := b.weave(t, org.ID), truth[org.ID]
			unproven := b.unproven(org, meetings)
			got := b.matches(t, org.ID)
			maps.DeleteFunc(got, func(leg string, _ matched) bool { return want.moved[leg] || unproven[leg] })
			if diff := cmp.Diff(want.legs, got); diff != "" {
				t.Errorf("seed %d: matches of %s (-world +stored):\n%s", seed, org.Name, diff)
			}
			placed := b.placed(t, org.ID)
			maps.DeleteFunc(placed, func(minute string, _ matched) bool { return unproven[minute[:len(minute)-len(" 15:04")]] })
			if diff := cmp.Diff(want.minutes, placed); diff != "" {
				t.Errorf("seed %d: where the minutes of %s were (-world +stored):\n%s", seed, org.Name, diff)
			}
			if cfg.MovesPercent == 0 && (woven.Minutes != len(want.minutes) || woven.BadMinutes != want.bad) {
				t.Errorf("seed %d: %s: %d minutes, %d bad; the world has %d and %d", seed, org.Name, woven.Minutes, woven.BadMinutes, len(want.minutes), want.bad)
			}
			if woven.Meetings != len(meetings) || woven.Ready != 0 || woven.Waiting != 0 {
				t.Errorf("seed %d: %s: %+v, want all %d meetings woven", seed, org.Name, woven, len(meetings))
			}
			if stored := b.count(t, "select count(*) from call_minutes where org_id = $1 and bad and bucket = 'unknown'", org.ID); stored != woven.BadMinutes {
				t.Errorf("seed %d: %s: %d bad minutes stored, want %d", seed, org.Name, stored, woven.BadMinutes)
			}
			t.Logf("seed %d, %s: %d legs that stay where they are, %d that move, %d minutes, %d bad", seed, org.Name, len(want.legs), len(want.moved), len(want.minutes), want.bad)
		}
		t.Logf("seed %d: %d meetings, %d legs of guests or without evidence, %d that move", seed, len(meetings), hidden, movers)
		if cfg.MovesPercent > 0 && movers == 0 {
			t.Errorf("seed %d: nobody moves", seed)
		}
		for _, rule := range []string{"mac", "private_ip", "hostname", "public_ip"} {
			legs := b.count(t, "select count(*) from matches where rule = $1", rule)
			t.Logf("seed %d: %d legs by %s", seed, legs, rule)
			if often := rule == "mac" || rule == "private_ip"; often && legs == 0 {
				t.Errorf("seed %d: no leg was matched by %s: the test proves nothing about it", seed, rule)
			}
		}
		b.checkDevices(t, begin)
	}
}

// orgTruth is what is to be stored for an org.
type orgTruth struct {
	legs    map[string]matched // those that stay where they are
	moved   map[string]bool
	minutes map[string]matched
	bad     int
}

func (o *orgTruth) add(b *bundle, l *world.Leg) {
	key := legKey(meetingID(l.Meeting), l.UserID, l.JoinAt)
	if len(l.Stays) > 1 {
		if o.moved == nil {
			o.moved = map[string]bool{}
		}
		o.moved[key] = true
	} else if l.Site != nil {
		o.legs[key] = matched{l.Client.MAC, l.Site.ID}
	}
	for _, minute := range b.world.Minutes(l) {
		at := l.StayAt(middle(l, minute.StartAt))
		if at.Site == nil || !minute.HasMedia() {
			continue
		}
		o.minutes[minuteKey(key, minute.StartAt)] = matched{at.Client.MAC, at.Site.ID}
		if minute.Bad(world.DefaultThresholds) {
			o.bad++
		}
	}
}

// unproven are the legs of an org that nothing tells enough of. Where they were stored they
// were.
func (b *bundle) unproven(org *world.Org, meetings []*world.Meeting) map[string]bool {
	legs := map[string]bool{}
	for _, m := range meetings {
		for _, l := range m.Legs {
			if l.Person != nil && l.Person.Org == org && !evidence(l) {
				legs[legKey(meetingID(m), l.UserID, l.JoinAt)] = true
			}
		}
	}
	return legs
}

// known is what a call minute says of the network; NULL is nil.
type known struct {
	AP              macaddr.Addr
	Band            string
	RSSI, RTT, Util *float32
}

// expected is what the world was at a moment, at the resolution in which it was seen. From
// a minute before the first poll on that is a poll a minute, each for the time since the
// one before; earlier, the means of ten minutes, where all ten were over by the first poll.
func (b *bundle) expected(l *world.Leg, moment, polled time.Time) known {
	var want known
	stay := l.StayAt(moment)
	state, _ := b.world.ClientAt(stay.Client, moment)
	if state.AP != nil {
		want.AP, want.Band = state.AP.MAC, string(state.Band)
	}
	if !moment.Before(polled.Add(-time.Minute)) {
		at := polled
		for !at.After(moment) {
			at = at.Add(time.Minute)
		}
		want.RTT = number(b.world.WANAt(stay.Site, at).RTTMS)
		if state.AP != nil {
			want.Util = number(float64(b.world.RadioAt(state.AP, state.Band, at).UtilAll) / 100)
			if then, ok := b.world.ClientAt(stay.Client, at); ok && then.AP == state.AP {
				want.RSSI = number(float64(then.RSSIDBm))
			}
		}
		return want
	}
	begin := moment.Truncate(10 * time.Minute)
	if begin.Add(10 * time.Minute).After(polled) {
		return want
	}
	want.RTT = mean(begin, 2, func(at time.Time) (float64, bool) { return b.world.WANAt(stay.Site, at).RTTMS, true })
	if state.AP != nil {
		util := mean(begin, 0, func(at time.Time) (float64, bool) {
			return float64(b.world.RadioAt(state.AP, state.Band, at).UtilAll), true
		})
		want.Util = number(float64(*util) / 100)
		want.RSSI = mean(begin, 2, func(at time.Time) (float64, bool) {
			then, ok := b.world.ClientAt(stay.Client, at)
			return float64(then.RSSIDBm), ok && then.AP != nil && then.AP.Site == stay.Site
		})
		// Of ten minutes in which a client was at two sites nobody knows which is of which.
		if b.atOther(stay, begin, begin.Add(10*time.Minute)) {
			want.RSSI = nil
		}
	}
	return want
}

// atOther reports whether a client was at another site of its org within an interval.
func (b *bundle) atOther(stay world.Stay, from, to time.Time) bool {
	for _, site := range stay.Site.Org.Sites {
		for _, session := range b.world.Sessions(site, from, to) {
			if site != stay.Site && session.Client == stay.Client {
				return true
			}
		}
	}
	return false
}

// mean is that of the ten minutes that begin then, rounded to some decimals.
func mean(begin time.Time, decimals int, at func(time.Time) (float64, bool)) *float32 {
	sum, n := 0.0, 0.0
	for minute := range 10 {
		if value, ok := at(begin.Add(time.Duration(minute) * time.Minute)); ok {
			sum, n = sum+value, n+1
		}
	}
	if n == 0 {
		return nil
	}
	shift := math.Pow10(decimals)
	return number(math.Round(sum/n*shift) / shift)
}

func number(value float64) *float32 {
	short := float32(value)
	return &short
}

// checkDevices compares what was joined to every minute with the world at that moment, at
// its resolution: access point, band, signal, load of the radio, and the uplink.
func (b *bundle) checkDevices(t *testing.T, polled time.Time) {
	t.Helper()
	legs := map[string]*world.Leg{}
	for _, m := range b.world.MeetingsEnding(b.account, polled.Add(-5*time.Hour), b.now()) {
		for _, l := range m.Legs {
			legs[legKey(meetingID(m), l.UserID, l.JoinAt)] = l
		}
	}
	rows, err := b.pool.Query(t.Context(), `select l.meeting_id, l.participant_id, l.join_at, c.start_at, c.ap_mac, c.band,
    c.client_rssi_dbm, c.wan_rtt_ms, c.radio_util_ratio
from call_minutes c join legs l using (leg_id)`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var total, wrong, live, roams int
	lastAP := map[*world.Leg]macaddr.Addr{}
	for rows.Next() {
		var meeting, participant string
		var joinAt, start time.Time
		var ap net.HardwareAddr
		var got known
		if err := rows.Scan(&meeting, &participant, &joinAt, &start, &ap, &got.Band, &got.RSSI, &got.RTT, &got.Util); err != nil {
			t.Fatal(err)
		}
		got.AP = macaddr.FromHardware(ap)
		l := legs[legKey(meeting, participant, joinAt)]
		if !evidence(l) {
			continue
		}
		moment := middle(l, start)
		total++
		if !moment.Before(polled) {
			live++
		}
		if before, ok := lastAP[l]; ok && before != got.AP {
			roams++
		}
		lastAP[l] = got.AP
		if diff := cmp.Diff(b.expected(l, moment, polled), got, cmpopts.EquateApprox(1e-5, 0)); diff != "" {
			if wrong++; wrong < 5 {
				t.Errorf("minute of %s (-world +stored):\n%s", start, diff)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d minutes, %d since the first poll, %d roams; %d differ from the world", total, live, roams, wrong)
	if live == 0 || roams == 0 {
		t.Errorf("%d minutes were polled, %d roams seen: the test proves too little", live, roams)
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
