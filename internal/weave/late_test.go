package weave_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/measure"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/world"
)

// woke lets what came late have waited long enough.
func (b *bundle) woke(t *testing.T) {
	t.Helper()
	b.exec(t, "update late_devices set landed_at = landed_at - interval '1 hour'")
}

// call is a woven leg to try late data on.
type call struct {
	meeting    string
	client, ap net.HardwareAddr
	site       uuid.UUID
	from, to   time.Time
	org        uuid.UUID
}

func (b *bundle) call(t *testing.T, org uuid.UUID) call {
	t.Helper()
	c := call{org: org}
	err := b.pool.QueryRow(t.Context(), `select c.meeting_id, c.client_mac, c.ap_mac, c.site_id, min(c.start_at), max(c.end_at)
		from call_minutes c where c.org_id = $1 and c.ap_mac is not null and c.client_mac is not null
		group by 1, 2, 3, 4 having count(*) > 5 order by count(*) desc, 1, 2 limit 1`, org).Scan(&c.meeting, &c.client, &c.ap, &c.site, &c.from, &c.to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *bundle) pending(t *testing.T) []string {
	t.Helper()
	var meetings []string
	if err := b.pool.QueryRow(t.Context(), "select coalesce(array_agg(meeting_id order by meeting_id), '{}') from weaves where pending").Scan(&meetings); err != nil {
		t.Fatal(err)
	}
	return meetings
}

// Samples that come after a meeting was woven queue it again, once they have waited for
// more, and it is woven as if they had always been there; no other is.
func TestLateSamplesAreWoven(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.weave(t, org)
	want := b.woven(t)
	c := b.call(t, org)

	// What the network knew of the client in this call comes only now.
	b.exec(t, "create table kept as select * from client_samples where mac = $1 and start_at >= $2 and start_at < $3", c.client, c.from, c.to)
	b.exec(t, "delete from client_samples where mac = $1 and start_at >= $2 and start_at < $3", c.client, c.from, c.to)
	b.exec(t, "update weaves set devices_revision = devices_revision + 1")
	b.weave(t, org)
	if cmp.Equal(want, b.woven(t)) {
		t.Fatal("the call minutes do not depend on the samples: the test proves nothing")
	}
	rows, err := b.pool.Query(t.Context(), "select * from kept")
	if err != nil {
		t.Fatal(err)
	}
	late := store.DeviceLanding{OrgID: org}
	if late.Clients, err = pgx.CollectRows(rows, pgx.RowToStructByPos[db.ClientSample]); err != nil {
		t.Fatal(err)
	}
	if err := b.store.LandDevices(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if result := b.weave(t, org); result.Meetings != 0 {
		t.Errorf("%d meetings are woven before more could come", result.Meetings)
	}
	b.woke(t)
	touched := b.count(t, "select count(distinct meeting_id) from call_minutes where client_mac = $1 and start_at < $3 and end_at > $2",
		c.client, late.Clients[0].StartAt, c.to)
	if result := b.weave(t, org); result.Meetings == 0 || result.Meetings > touched {
		t.Errorf("%d of %d meetings are woven again, want those of the client at that time: %d at most", result.Meetings, len(meetings), touched)
	}
	if diff := cmp.Diff(want, b.woven(t)); diff != "" {
		t.Errorf("not what it would have been (-in time +late):\n%.2000s", diff)
	}
	// Once more: nothing is new.
	if err := b.store.LandDevices(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if notes := b.count(t, "select count(*) from late_devices"); notes != 0 {
		t.Errorf("%d notes of samples that were there", notes)
	}
}

func TestLateDevicesQueueWhatTheyTouch(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	b.weave(t, org)
	c := b.call(t, org)
	at := func(offset time.Duration) (time.Time, time.Time) {
		return c.from.Add(offset), c.from.Add(offset + 7*time.Second)
	}
	start, end := at(20 * time.Second)
	lease := db.Lease{OrgID: org, Mac: c.client, FromAt: c.from.Add(-time.Minute), ToAt: c.to.Add(time.Minute), Source: "import", SiteID: c.site, ApMac: c.ap, Band: "5"}
	if err := b.pool.QueryRow(t.Context(), "select band from call_minutes where client_mac = $1 and start_at = $2", c.client, c.from).Scan(&lease.Band); err != nil {
		t.Fatal(err)
	}
	elsewhere, another, foreign := lease, lease, lease
	elsewhere.Source, elsewhere.ApMac = "session", net.HardwareAddr{0xd4, 0x20, 0xb0, 9, 9, 9}
	another.Mac, another.Source, another.Ip = net.HardwareAddr{0x5c, 9, 9, 9, 9, 9}, "session", addr(t, "192.0.2.77")
	foreign.Mac, foreign.Source = net.HardwareAddr{0x5c, 9, 9, 9, 9, 8}, "session"
	tests := []struct {
		name    string
		landing store.DeviceLanding
		want    string // the meetings that are queued
		args    []any
	}{
		{
			"a client",
			store.DeviceLanding{Clients: []db.ClientSample{{OrgID: org, Mac: c.client, StartAt: start, EndAt: end, RssiDbm: measure.Of(-50)}}},
			"client_mac = $1 and start_at < $3 and end_at > $2",
			[]any{c.client, start, end},
		},
		{
			"a radio",
			store.DeviceLanding{Radios: []db.RadioSample{{OrgID: org, ApMac: c.ap, Band: "5", SiteID: c.site, StartAt: start, EndAt: end}}},
			"ap_mac = $1 and start_at < $3 and end_at > $2",
			[]any{c.ap, start, end},
		},
		{
			"an uplink",
			store.DeviceLanding{WANs: []db.WanSample{{OrgID: org, SiteID: c.site, GatewayMac: c.ap, PortID: "late", StartAt: start, EndAt: end}}},
			"site_id = $1 and start_at < $3 and end_at > $2",
			[]any{c.site, start, end},
		},
		{
			"a client that nobody was",
			store.DeviceLanding{Clients: []db.ClientSample{{OrgID: org, Mac: another.Mac, StartAt: start, EndAt: end}}},
			"false", nil,
		},
		{"a lease elsewhere", store.DeviceLanding{Leases: []db.Lease{elsewhere}}, "client_mac = $1 and start_at < $3 and end_at > $2", []any{c.client, elsewhere.FromAt, elsewhere.ToAt}},
		{"a lease of no address or name of a client that nobody was", store.DeviceLanding{Leases: []db.Lease{foreign}}, "false", nil},
	}
	for _, tt := range tests {
		tt.landing.OrgID = org
		if err := b.store.LandDevices(t.Context(), tt.landing); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		b.woke(t)
		if _, _, err := b.store.MarkLate(t.Context(), org); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var want []string
		if err := b.pool.QueryRow(t.Context(), "select coalesce(array_agg(distinct meeting_id order by meeting_id), '{}') from call_minutes where "+tt.want, tt.args...).Scan(&want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.pending(t)); diff != "" {
			t.Errorf("%s: queued (-want +got):\n%s", tt.name, diff)
		}
		if b.weave(t, org); len(b.pending(t)) > 0 {
			t.Errorf("%s: %d meetings stay queued", tt.name, len(b.pending(t)))
		}
	}
	// What was woven from is not kept any more: it stays as it is.
	b.exec(t, "update weaves set final = true")
	again := store.DeviceLanding{OrgID: org, Clients: []db.ClientSample{{OrgID: org, Mac: c.client, StartAt: start, EndAt: end.Add(time.Second), RssiDbm: measure.Of(-50)}}}
	if err := b.store.LandDevices(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	b.woke(t)
	if _, _, err := b.store.MarkLate(t.Context(), org); err != nil || len(b.pending(t)) != 0 {
		t.Errorf("%d final meetings are queued, %v", len(b.pending(t)), err)
	}
}

// A lease that comes late recognises a leg that nothing recognised; one that confirms what
// was known touches nothing.
func TestLateLeasesAreMatched(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	b.weave(t, org)
	want := b.woven(t)
	c := b.call(t, org)
	leases, err := b.store.Leases(t.Context(), org, c.from.Add(-5*time.Hour), c.to.Add(5*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ofClient := slices.DeleteFunc(leases, func(l db.Lease) bool { return l.Mac.String() != c.client.String() })
	if len(ofClient) == 0 {
		t.Fatal("no lease of the client")
	}
	confirmed := slices.Clone(ofClient)
	for i := range confirmed {
		confirmed[i].FromAt, confirmed[i].Source = confirmed[i].FromAt.Add(time.Second), "session"
	}
	if err := b.store.LandDevices(t.Context(), store.DeviceLanding{OrgID: org, Leases: confirmed}); err != nil {
		t.Fatal(err)
	}
	b.woke(t)
	if _, _, err := b.store.MarkLate(t.Context(), org); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d leases that confirm what was known queue %d meetings", len(confirmed), len(b.pending(t)))
	b.exec(t, "delete from leases where mac = $1", c.client)
	b.exec(t, "update weaves set devices_revision = devices_revision + 1")
	b.weave(t, org)
	if cmp.Equal(want, b.woven(t)) {
		t.Fatal("the call minutes do not depend on the leases: the test proves nothing")
	}
	if err := b.store.LandDevices(t.Context(), store.DeviceLanding{OrgID: org, Leases: ofClient}); err != nil {
		t.Fatal(err)
	}
	b.woke(t)
	if result := b.weave(t, org); result.Meetings == 0 {
		t.Error("nothing is woven again")
	}
	if diff := cmp.Diff(want, b.woven(t)); diff != "" {
		t.Errorf("not what it would have been (-in time +late):\n%.2000s", diff)
	}
}

// Late devices that are looked through while a meeting is being woven, whose call minutes
// that look cannot see, keep it queued.
func TestLateDevicesWhileAMeetingIsWoven(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	before, err := b.store.Org(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	start := meetings[0].StartAt
	if err := b.store.LandDevices(t.Context(), store.DeviceLanding{OrgID: org, Clients: []db.ClientSample{
		{OrgID: org, Mac: net.HardwareAddr{1, 2, 3, 4, 5, 6}, StartAt: start, EndAt: start.Add(time.Minute)},
	}}); err != nil {
		t.Fatal(err)
	}
	b.woke(t)
	if _, _, err := b.store.MarkLate(t.Context(), org); err != nil {
		t.Fatal(err)
	}
	landing := store.WeaveLanding{MeetingID: meetingID(meetings[0]), Revision: 1}
	landed, err := b.store.LandWeaves(t.Context(), b.ref, org, before.LateMarks, []store.WeaveLanding{landing})
	if err != nil || !landed[landing.MeetingID] {
		t.Fatalf("landed %v, %v", landed, err)
	}
	if !slices.Contains(b.pending(t), landing.MeetingID) {
		t.Error("a meeting whose devices were read before the look is not queued again")
	}
}

func addr(t *testing.T, text string) *netip.Addr {
	t.Helper()
	ip, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return &ip
}

// Polls tell of sessions that began hours ago, and mostly confirm what polls saw: few
// meetings are woven anew for them, even if nothing waits for more.
func TestPollsWeaveLittleAnew(t *testing.T) {
	t.Parallel()
	cfg := world.DemoConfig(7)
	cfg.Orgs, cfg.MeetingsPerDay = 1, 90
	b := setup(t, cfg, noon)
	org := b.world.Orgs[0].ID
	b.collect(t)
	woven, ended := 0, noon.Add(-4*time.Hour)
	all := 0
	for range 45 {
		b.clock.Add(60)
		b.collect(t)
		meetings := b.world.MeetingsEnding(b.account, ended, b.now())
		ended = b.now()
		b.harvest(t, meetings)
		all += len(meetings)
		b.woke(t)
		woven += b.weave(t, org).Meetings
	}
	t.Logf("%d weaves of %d meetings", woven, all)
	if woven < all/2 || woven > all*3/2 {
		t.Errorf("%d weaves of %d meetings in 45 polls", woven, all)
	}
}

// More devices than are kept apart are one note of their time.
func TestManyLateDevicesAreOneNote(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	b.weave(t, org)
	c := b.call(t, org)
	late := store.DeviceLanding{OrgID: org}
	for n := range 501 {
		late.Clients = append(late.Clients, db.ClientSample{
			OrgID: org, Mac: net.HardwareAddr{0x5c, 7, 7, 7, byte(n >> 8), byte(n)}, StartAt: c.from, EndAt: c.from.Add(time.Minute),
		})
	}
	if err := b.store.LandDevices(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	if notes := b.count(t, "select count(*) from late_devices"); notes != 1 {
		t.Errorf("%d notes of %d clients, want 1", notes, len(late.Clients))
	}
	b.woke(t)
	if _, more, err := b.store.MarkLate(t.Context(), org); err != nil || more {
		t.Fatalf("more %v, %v", more, err)
	}
	var want []string
	if err := b.pool.QueryRow(t.Context(), "select array_agg(meeting_id order by meeting_id) from meetings where start_at < $2 and end_at > $1", c.from, c.from.Add(time.Minute)).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.pending(t)); diff != "" {
		t.Errorf("queued (-want +got):\n%s", diff)
	}
}
