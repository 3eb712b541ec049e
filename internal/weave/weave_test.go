package weave_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/internal/world"
)

var noon = time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)

// woven is all that is stored of weaving, as text, without times of writing and seals.
func (b *bundle) woven(t *testing.T) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), `
select 'minute ' || c::text from call_minutes c
union all select 'match ' || (to_jsonb(m) - 'person_sealed')::text from matches m order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// ready is a world with one org whose devices are collected and whose meetings of the
// last hours are harvested.
func ready(t *testing.T) (*bundle, uuid.UUID, []*world.Meeting) {
	t.Helper()
	cfg := world.DemoConfig(7)
	cfg.Orgs, cfg.MeetingsPerDay = 1, 40
	b := setup(t, cfg, noon)
	b.collect(t)
	meetings := b.world.MeetingsEnding(b.account, noon.Add(-5*time.Hour), noon.Add(-2*time.Minute))
	b.harvest(t, meetings)
	return b, b.world.Orgs[0].ID, meetings
}

func TestWeaveAgainChangesNothing(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	if first := b.weave(t, org); first.Meetings != len(meetings) || first.Minutes == 0 {
		t.Fatalf("first weave: %+v, want %d meetings and some minutes", first, len(meetings))
	}
	before := b.woven(t)
	if idle := b.weave(t, org); idle.Meetings != 0 {
		t.Errorf("nothing was due, but %d meetings were woven", idle.Meetings)
	}
	b.harvest(t, meetings) // a newer revision of each, the same content
	if again := b.weave(t, org); again.Meetings != len(meetings) {
		t.Errorf("wove %d of %d meetings that were read again", again.Meetings, len(meetings))
	}
	if diff := cmp.Diff(before, b.woven(t)); diff != "" {
		t.Errorf("rows changed (-before +after):\n%s", diff)
	}
}

func TestWeaveReplacesWhatNoLongerHolds(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.weave(t, org)
	b.exec(t, "delete from leases")
	b.exec(t, "update sites set public_ips = '{}'")
	b.harvest(t, meetings)
	if again := b.weave(t, org); again.LegsMatched != 0 {
		t.Errorf("matched %d legs without any lease or address", again.LegsMatched)
	}
	if left := b.woven(t); len(left) != 0 {
		t.Errorf("%d rows are left of the first weave", len(left))
	}
}

func TestWeaveWaitsForDevices(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.exec(t, "update orgs set devices_synced_at = $1", meetings[len(meetings)-1].EndAt.Add(-time.Second))
	got := b.weave(t, org)
	if got.Waiting == 0 || got.Meetings+got.Waiting != len(meetings) {
		t.Errorf("wove %d, %d waiting of %d meetings; want those that end later to wait", got.Meetings, got.Waiting, len(meetings))
	}
	b.exec(t, "update orgs set devices_synced_at = null")
	b.harvest(t, meetings)
	if got := b.weave(t, org); got.Meetings != 0 || got.Waiting != len(meetings) {
		t.Errorf("wove %d meetings of an org whose devices were never read", got.Meetings)
	}
}

func TestWeaveStopsAtTheFence(t *testing.T) {
	t.Parallel()
	b, org, _ := ready(t)
	b.exec(t, "update links set status = 'unlinking'")
	if _, err := b.weaver.Weave(t.Context(), b.ref, org, func() {}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("weave of a link that is being unlinked: %v, want %v", err, store.ErrFenced)
	}
	if left := b.woven(t); len(left) != 0 {
		t.Errorf("%d rows were written behind the fence", len(left))
	}
}

func TestWeaveSealsPeopleForTheLink(t *testing.T) {
	t.Parallel()
	for _, discard := range []bool{false, true} {
		b, org, _ := ready(t)
		b.exec(t, "update links set discard_guest_info = $1", discard)
		// Somebody of the office is a guest of this account.
		b.exec(t, "update legs set guest = true where leg_id % 3 = 0")
		b.weave(t, org)
		key, err := b.vault.Key(t.Context(), vault.LinkScope(b.ref, org))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := b.pool.Query(t.Context(), "select l.guest, m.person_sealed from matches m join legs l using (leg_id)")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[bool]int{}
		for rows.Next() {
			var guest bool
			var sealed []byte
			if err := rows.Scan(&guest, &sealed); err != nil {
				t.Fatal(err)
			}
			person, err := key.OpenPerson("person_sealed", sealed)
			if err != nil {
				t.Fatal(err)
			}
			seen[guest]++
			if want := guest && discard; person.Name.IsZero() != want || person.Hostname.IsZero() != want {
				t.Errorf("guest %v, discard %v: name known %v, hostname known %v", guest, discard, !person.Name.IsZero(), !person.Hostname.IsZero())
			}
		}
		rows.Close()
		if seen[true] == 0 || seen[false] == 0 {
			t.Errorf("saw %d guests and %d others: the test proves nothing", seen[true], seen[false])
		}
	}
}

// A meeting that cannot be woven, here for a leg sealed with another key, is reported
// and keeps no other from being woven.
func TestWeaveGoesOnPastAPoisonedMeeting(t *testing.T) {
	t.Parallel()
	b, org, meetings := ready(t)
	b.weave(t, org)
	minutes := b.count(t, "select count(*) from call_minutes")
	var poisoned string
	if err := b.pool.QueryRow(t.Context(), "select meeting_id from matches order by join_at limit 1").Scan(&poisoned); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "update weaves set revision = 0")
	b.exec(t, "delete from matches")
	b.exec(t, "delete from call_minutes")
	b.exec(t, "update legs set person_sealed = 'x' where meeting_id = $1", poisoned)
	if _, err := b.weaver.Weave(t.Context(), b.ref, org, func() {}); !errors.Is(err, vault.ErrUnsealed) {
		t.Errorf("weave with a poisoned meeting: %v, want %v", err, vault.ErrUnsealed)
	}
	if woven := b.count(t, "select count(*) from weaves where not pending"); woven != len(meetings)-1 {
		t.Errorf("%d of %d meetings are woven, want all but the poisoned one", woven, len(meetings))
	}
	if left := b.count(t, "select count(*) from call_minutes"); left == 0 || left >= minutes {
		t.Errorf("%d call minutes, %d without the poison", left, minutes)
	}
}

// What is woven of a running meeting is for the orgs that want it, says that it is
// provisional until its record is woven, and goes with it.
func TestWeaveOfARunningMeetingIsProvisional(t *testing.T) {
	t.Parallel()
	cfg := world.DemoConfig(7)
	cfg.Orgs, cfg.MeetingsPerDay = 1, 40
	b := setup(t, cfg, noon)
	b.collect(t)
	org := b.world.Orgs[0].ID
	b.exec(t, "update orgs set devices_synced_at = $1", noon)
	ended := b.world.MeetingsEnding(b.account, noon.Add(-5*time.Hour), noon.Add(-time.Hour))
	woven := func() (meetings, provisional int) {
		return b.count(t, "select count(distinct meeting_id) from call_minutes"), b.count(t, "select count(*) from weaves where provisional")
	}

	b.exec(t, "update links set live = false")
	for _, m := range ended {
		b.harvestLive(t, m)
	}
	if result := b.weave(t, org); result.Meetings != 0 {
		t.Errorf("%d running meetings are woven for an org that does not want it", result.Meetings)
	}
	b.exec(t, "update links set live = true")
	for _, m := range ended {
		b.harvestLive(t, m)
	}
	b.weave(t, org)
	meetings, provisional := woven()
	if meetings == 0 || provisional != len(ended) {
		t.Fatalf("%d meetings have minutes, %d are provisional, want some of %d", meetings, provisional, len(ended))
	}
	site := b.siteOfCalls(t)
	calls, _, err := b.store.SearchCalls(t.Context(), db.SearchCallsParams{
		OrgID: org, SiteID: &site, FromAt: noon.Add(-24 * time.Hour), ToAt: noon, MaxRows: 100,
	})
	if err != nil || len(calls) == 0 || !calls[0].Provisional {
		t.Errorf("calls %+v, %v", calls, err)
	}

	// The record has nobody of one meeting, who were in it while it ran.
	b.exec(t, "update links set live = false") // it is replaced all the same
	nobody := *ended[0]
	nobody.Legs = nil
	b.harvest(t, append([]*world.Meeting{&nobody}, ended[1:]...))
	if _, provisional = woven(); provisional != len(ended) {
		t.Errorf("%d are provisional before the records are woven, want %d", provisional, len(ended))
	}
	b.weave(t, org)
	if _, provisional = woven(); provisional != 0 {
		t.Errorf("%d are provisional after their records are woven", provisional)
	}
	if left := b.count(t, "select count(*) from matches where meeting_id = $1", meetingID(ended[0])); left != 0 {
		t.Errorf("%d calls are left of who were never there", left)
	}
	rows := func() (text string) {
		t.Helper()
		err := b.pool.QueryRow(t.Context(), `select coalesce(string_agg(row, e'\n' order by row), '') from (
			select (to_jsonb(c) - 'leg_id')::text as row from call_minutes c
			union all select (to_jsonb(m) - 'leg_id' - 'person_sealed')::text from matches m) rows`).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	got := rows()
	b.exec(t, "truncate matches, call_minutes, weaves, legs, media_samples, meetings")
	b.harvest(t, append([]*world.Meeting{&nobody}, ended[1:]...))
	b.weave(t, org)
	if diff := cmp.Diff(rows(), got); diff != "" || got == "" {
		t.Errorf("it is not what the records alone come to (-want +got):\n%.2000s", diff)
	}
}

// siteOfCalls is a site that something was woven for.
func (b *bundle) siteOfCalls(t *testing.T) (site uuid.UUID) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select site_id from matches limit 1").Scan(&site); err != nil {
		t.Fatal(err)
	}
	return site
}

// harvestLive lands the first half of a meeting as it is read while it runs.
func (b *bundle) harvestLive(t *testing.T, m *world.Meeting) {
	t.Helper()
	at := m.StartAt.Add(m.EndAt.Sub(m.StartAt) / 2)
	seen := store.SeenMeeting{Meeting: provider.Meeting{ID: meetingID(m), Number: m.Number, StartAt: m.StartAt}, HostSealed: []byte{0}}
	if _, err := b.store.SeeLiveMeetings(t.Context(), b.ref, []store.SeenMeeting{seen}, at, at); err != nil {
		t.Fatal(err)
	}
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	landing := store.MeetingLanding{AccountRef: b.ref, MeetingID: meetingID(m), ReadAt: at, Live: true}
	for _, l := range m.Legs {
		leg := b.leg(l)
		if leg.JoinAt.After(at) {
			continue
		}
		leg.LeaveAt = time.Time{}
		leg.Samples = slices.DeleteFunc(leg.Samples, func(s provider.MediaSample) bool { return s.EndAt.After(at) })
		sealed, err := key.SealPerson("person", leg.Person)
		if err != nil {
			t.Fatal(err)
		}
		landing.Legs = append(landing.Legs, store.LegLanding{Leg: leg, PersonSealed: sealed})
	}
	if err := b.store.LandMeeting(t.Context(), landing); err != nil {
		t.Fatal(err)
	}
}
