package weave_test

import (
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
	return l.Client != nil && (l.MAC == l.Client.MAC || !l.VPN || !world.Unnamed(l.Hostname))
}

type matched struct {
	MAC  macaddr.Addr
	Site uuid.UUID
}

// matches reads what is stored for an org, by leg.
func (b *bundle) matches(t *testing.T, org uuid.UUID) map[string]matched {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `select l.meeting_id, l.participant_id, l.join_at, m.client_mac, m.site_id
from matches m join legs l using (leg_id) where m.org_id = $1`, org)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]matched{}
	for rows.Next() {
		var meeting, participant string
		var joinAt time.Time
		var hw net.HardwareAddr
		var m matched
		if err := rows.Scan(&meeting, &participant, &joinAt, &hw, &m.Site); err != nil {
			t.Fatal(err)
		}
		m.MAC = macaddr.FromHardware(hw)
		found[legKey(meeting, participant, joinAt)] = m
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// seeds are those of the worlds to weave, or the one that CALLWEAVE_WORLD_SEED names.
func seeds(t *testing.T) []uint64 {
	t.Helper()
	text := os.Getenv("CALLWEAVE_WORLD_SEED")
	if text == "" {
		return []uint64{7, 20261122}
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return []uint64{seed}
}

// Three orgs with the same private addresses share one Zoom account. Everything that can
// be recognised is, as what it was, for the org it was on and for no other; and the bad
// minutes are those of the world.
func TestWeaveAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds(t) {
		cfg := world.DemoConfig(seed)
		cfg.MeetingsPerDay = 60
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

		truth := map[uuid.UUID]map[string]matched{}
		bad := map[uuid.UUID]int{}
		minutes := map[uuid.UUID]int{}
		hidden := 0
		for _, org := range b.world.Orgs {
			truth[org.ID] = map[string]matched{}
		}
		for _, m := range meetings {
			for _, l := range m.Legs {
				if l.Site == nil {
					continue
				}
				if !evidence(l) {
					hidden++
					continue
				}
				org := l.Site.Org.ID
				truth[org][legKey(meetingID(m), l.UserID, l.JoinAt)] = matched{l.Client.MAC, l.Site.ID}
				for _, minute := range b.world.Minutes(l) {
					if minute.HasMedia() {
						minutes[org]++
					}
					if minute.Bad(world.DefaultThresholds) {
						bad[org]++
					}
				}
			}
		}
		for _, org := range b.world.Orgs {
			woven := b.weave(t, org.ID)
			if diff := cmp.Diff(truth[org.ID], b.matches(t, org.ID)); diff != "" {
				t.Errorf("seed %d: matches of %s (-world +stored):\n%s", seed, org.Name, diff)
			}
			if woven.Minutes != minutes[org.ID] || woven.BadMinutes != bad[org.ID] {
				t.Errorf("seed %d: %s: %d minutes, %d bad; the world has %d and %d", seed, org.Name, woven.Minutes, woven.BadMinutes, minutes[org.ID], bad[org.ID])
			}
			if woven.Meetings != len(meetings) || woven.Ready != 0 || woven.Waiting != 0 {
				t.Errorf("seed %d: %s: %+v, want all %d meetings woven", seed, org.Name, woven, len(meetings))
			}
			if stored := b.count(t, "select count(*) from call_minutes where org_id = $1 and bad and bucket = 'unknown'", org.ID); stored != bad[org.ID] {
				t.Errorf("seed %d: %s: %d bad minutes stored, want %d", seed, org.Name, stored, bad[org.ID])
			}
			t.Logf("seed %d, %s: %d legs, %d minutes, %d bad", seed, org.Name, len(truth[org.ID]), minutes[org.ID], bad[org.ID])
		}
		t.Logf("seed %d: %d meetings, %d legs on a network without evidence", seed, len(meetings), hidden)
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
	state, _ := b.world.ClientAt(l.Client, moment)
	if state.AP != nil {
		want.AP, want.Band = state.AP.MAC, string(state.Band)
	}
	if !moment.Before(polled.Add(-time.Minute)) {
		at := polled
		for !at.After(moment) {
			at = at.Add(time.Minute)
		}
		want.RTT = number(b.world.WANAt(l.Site, at).RTTMS)
		if state.AP != nil {
			want.Util = number(float64(b.world.RadioAt(state.AP, state.Band, at).UtilAll) / 100)
			if then, ok := b.world.ClientAt(l.Client, at); ok && then.AP == state.AP {
				want.RSSI = number(float64(then.RSSIDBm))
			}
		}
		return want
	}
	begin := moment.Truncate(10 * time.Minute)
	if begin.Add(10 * time.Minute).After(polled) {
		return want
	}
	want.RTT = mean(begin, 2, func(at time.Time) (float64, bool) { return b.world.WANAt(l.Site, at).RTTMS, true })
	if state.AP != nil {
		util := mean(begin, 0, func(at time.Time) (float64, bool) {
			return float64(b.world.RadioAt(state.AP, state.Band, at).UtilAll), true
		})
		want.Util = number(float64(*util) / 100)
		want.RSSI = mean(begin, 2, func(at time.Time) (float64, bool) {
			then, ok := b.world.ClientAt(l.Client, at)
			return float64(then.RSSIDBm), ok && then.AP != nil && then.AP.Site == l.Site
		})
	}
	return want
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
		from, to := maxTime(start, l.JoinAt), minTime(start.Add(time.Minute), l.LeaveAt)
		moment := from.Add(to.Sub(from) / 2)
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
