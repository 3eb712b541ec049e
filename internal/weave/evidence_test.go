package weave_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/world"
)

// beside is what a call minute says beside its own measurements; NULL is nil.
type beside struct {
	Others, OthersBad, Near, NearBad float32
	VPN                              *bool
	Roams, WiFi                      *float32
}

// What every call minute says of the other legs, of tunnels, roams and generations of
// Wi-Fi is what the world says, whoever the others were.
func TestEvidenceAgreesWithTheWorld(t *testing.T) {
	t.Parallel()
	cfg := world.DemoConfig(20261124)
	cfg.MeetingsPerDay, cfg.MovesPercent = 80, 20
	begin := time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)
	b := setup(t, cfg, begin)
	const polls = 25
	for range polls {
		b.collect(t)
		b.clock.Add(60)
	}
	b.collect(t)
	meetings := b.world.MeetingsEnding(b.account, begin.Add(-5*time.Hour), b.now().Add(-2*time.Minute))
	b.harvest(t, meetings)
	for _, org := range b.world.Orgs {
		b.weave(t, org.ID)
	}
	legs := map[string]*world.Leg{}
	for _, m := range meetings {
		for _, l := range m.Legs {
			legs[legKey(meetingID(m), l.UserID, l.JoinAt)] = l
		}
	}
	placed := map[uuid.UUID]map[string]matched{}
	for _, org := range b.world.Orgs {
		placed[org.ID] = b.placed(t, org.ID)
	}
	rows, err := b.pool.Query(t.Context(), `select c.org_id, l.meeting_id, l.participant_id, l.join_at, c.start_at, c.site_id, c.ap_mac is not null, c.client_rssi_dbm is not null,
    c.other_legs, c.other_legs_bad, c.other_legs_near, c.other_legs_near_bad, c.client_vpn, c.radio_ap_change, c.client_wifi_version
from call_minutes c join legs l using (leg_id)`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var total, wrong, tunnels, roams, beyond, near, generations int
	for rows.Next() {
		var org, site uuid.UUID
		var meeting, participant string
		var joinAt, start time.Time
		var onAir, sampled bool
		var got beside
		if err := rows.Scan(&org, &meeting, &participant, &joinAt, &start, &site, &onAir, &sampled,
			&got.Others, &got.OthersBad, &got.Near, &got.NearBad, &got.VPN, &got.Roams, &got.WiFi); err != nil {
			t.Fatal(err)
		}
		l := legs[legKey(meeting, participant, joinAt)]
		if !evidence(l) {
			continue
		}
		stay := l.StayAt(middle(l, start))
		want := beside{VPN: &l.VPN}
		if got.VPN == nil && len(l.Stays) > 1 {
			want.VPN = nil // its address may be that of where it was outside
		}
		for _, other := range l.Meeting.Legs {
			minute, ok := b.minuteAt(other, start)
			if other == l || !ok {
				continue
			}
			bad := minute.Bad(world.DefaultThresholds)
			match, known := placed[org][minuteKey(legKey(meetingID(other.Meeting), other.UserID, other.JoinAt), start)]
			shares := known && match.Site == site || other.PublicIP == l.PublicIP && l.PublicIP != (netip.Addr{})
			want.Others++
			if bad {
				want.OthersBad++
			}
			if shares {
				want.Near++
			}
			if shares && bad {
				want.NearBad++
			}
		}
		if onAir {
			want.Roams = number(0)
			for _, s := range b.world.Sessions(stay.Site, start, start.Add(time.Minute)) {
				if s.Client == stay.Client && s.ConnectAt.After(l.JoinAt) && !s.ConnectAt.Before(start) && s.ConnectAt.Before(minTime(start.Add(time.Minute), l.LeaveAt)) &&
					b.wasElsewhere(s) {
					*want.Roams++
				}
			}
			if *want.Roams > 0 {
				roams++
			}
		}
		// Histories do not tell the generation, polls do.
		if sampled && !start.Before(begin) {
			want.WiFi = number(map[string]float64{"n": 4, "ac": 5, "ax": 6, "be": 7}[stay.Client.Proto])
			generations++
		} else {
			want.WiFi = got.WiFi
		}
		total++
		if l.VPN {
			tunnels++
		}
		if want.OthersBad > want.NearBad {
			beyond++
		}
		if want.NearBad > 0 {
			near++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			if wrong++; wrong < 5 {
				t.Errorf("minute of %s, leg %s to %s (-world +stored):\n%s", start, l.JoinAt, l.LeaveAt, diff)
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d minutes: %d through tunnels, %d with a roam, %d with bad others elsewhere, %d near, %d generations of Wi-Fi; %d differ from the world",
		total, tunnels, roams, beyond, near, generations, wrong)
	if tunnels == 0 || roams == 0 || beyond == 0 || near == 0 || generations == 0 {
		t.Error("the test proves too little")
	}
}

// minuteAt is a leg's minute at a time, if it had audio or video to measure.
func (b *bundle) minuteAt(l *world.Leg, start time.Time) (world.Minute, bool) {
	for _, minute := range b.world.Minutes(l) {
		if minute.StartAt.Equal(start) {
			return minute, minute.Measurable()
		}
	}
	return world.Minute{}, false
}

// wasElsewhere reports whether the client was at another access point before a session.
func (b *bundle) wasElsewhere(s world.Session) bool {
	before, ok := b.world.ClientAt(s.Client, s.ConnectAt.Add(-time.Second))
	return ok && before.AP != nil && before.AP != s.AP
}
