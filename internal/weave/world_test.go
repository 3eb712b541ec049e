package weave_test

import (
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/world"
)

// evidence reports whether anything Zoom shows of the leg can be found in the network's
// data: its hardware address, its own private address, which a tunnel hides, or its name.
func evidence(l *world.Leg) bool {
	return l.Client != nil && (l.MAC == l.Client.MAC || !l.VPN || l.Hostname != "")
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

// Three orgs with the same private addresses share one Zoom account. Everything that can
// be recognised is, as what it was, for the org it was on and for no other; and the bad
// minutes are those of the world.
func TestWeaveAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{7, 20261122} {
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
		for _, rule := range []string{"mac", "private_ip"} {
			legs := b.count(t, "select count(*) from matches where rule = $1", rule)
			t.Logf("seed %d: %d legs by %s", seed, legs, rule)
			if legs == 0 {
				t.Errorf("seed %d: no leg was matched by %s: the test proves nothing about it", seed, rule)
			}
		}
		b.checkDevices(t, begin)
	}
}

// checkDevices compares what was joined to every minute with the world at that moment:
// the access point always; the signal and the uplink where polls were taken.
func (b *bundle) checkDevices(t *testing.T, polled time.Time) {
	t.Helper()
	legs := map[string]*world.Leg{}
	for _, m := range b.world.MeetingsEnding(b.account, polled.Add(-5*time.Hour), b.now()) {
		for _, l := range m.Legs {
			legs[legKey(meetingID(m), l.UserID, l.JoinAt)] = l
		}
	}
	rows, err := b.pool.Query(t.Context(), `select l.meeting_id, l.participant_id, l.join_at, c.start_at, c.ap_mac, c.band,
    c.client_rssi_dbm is not null, c.radio_util_ratio is not null, c.wan_rtt_ms is not null
from call_minutes c join legs l using (leg_id)`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var total, wrong, polledMinutes, wireless, signal, radio, wan int
	for rows.Next() {
		var meeting, participant, band string
		var joinAt, start time.Time
		var ap net.HardwareAddr
		var hasSignal, hasRadio, hasWAN bool
		if err := rows.Scan(&meeting, &participant, &joinAt, &start, &ap, &band, &hasSignal, &hasRadio, &hasWAN); err != nil {
			t.Fatal(err)
		}
		l := legs[legKey(meeting, participant, joinAt)]
		from, to := maxTime(start, l.JoinAt), minTime(start.Add(time.Minute), l.LeaveAt)
		moment := from.Add(to.Sub(from) / 2)
		state, ok := b.world.ClientAt(l.Client, moment)
		if !ok {
			t.Fatalf("the world does not know the client of %s at %s", l.Hostname, moment)
		}
		total++
		var want matched
		if state.AP != nil {
			want.MAC = state.AP.MAC
		}
		if got := macaddr.FromHardware(ap); got != want.MAC || band != string(state.Band) {
			wrong++
			if wrong < 5 {
				t.Errorf("minute %s: at %s band %q, the world says %s band %q", start, got, band, want.MAC, state.Band)
			}
		}
		if !start.After(polled) {
			continue
		}
		polledMinutes++
		wan += one(hasWAN)
		if state.AP != nil {
			wireless++
			signal += one(hasSignal)
			radio += one(hasRadio)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d minutes, %d with another access point than the world; of %d polled ones %d know the uplink, of %d wireless %d the signal, %d the radio",
		total, wrong, polledMinutes, wan, wireless, signal, radio)
	if polledMinutes == 0 || wireless == 0 {
		t.Errorf("no minute was polled: the test proves nothing about samples")
	}
	if wan < polledMinutes || radio < wireless*99/100 || signal < wireless*95/100 {
		t.Errorf("device samples are missing")
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
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
