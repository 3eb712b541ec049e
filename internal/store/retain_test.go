package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/utcday"
)

// Two orgs share an account, and one that keeps less has another account of its own. As the
// days go by, everything goes when it has to and not a day before.
func TestExpire(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	long, short := uuid.New(), uuid.New()
	shared, own := zoomAccount("shared"), zoomAccount("own")
	seedOrg(t, s, long)
	seedOrg(t, s, short)
	seedAccount(t, s, shared)
	seedAccount(t, s, own)
	seedLink(t, s, shared, long)
	seedLink(t, s, shared, short)
	seedLink(t, s, own, short)
	exec(t, s, `update weaves set read_revision = revision, end_at = $1`, seedStart.Add(20*time.Minute))
	// A lease that began long ago and goes on.
	exec(t, s, `insert into leases (org_id, mac, from_at, source, to_at, site_id) values ($1, '02:00:00:00:00:09', $2, 'snapshot', $3, gen_random_uuid())`,
		short, seedStart, seedStart.AddDate(1, 0, 0))
	minutes, media, devices := 8, 4, 2
	if err := s.SetOrgKeep(t.Context(), short, KeepChange{Minutes: &minutes, Media: &media, Devices: &devices}); err != nil {
		t.Fatal(err)
	}
	standard := Keep{Minutes: 20, Media: 10, Devices: 5}
	today := utcday.Of(seedStart)
	// The devices' seed reaches into the days after; what expires first is the first day's.
	ofFirstDay := func(table, column string, org uuid.UUID) int64 {
		return number(t, s, `select count(*) from `+table+` where org_id = $1 and `+column+` < $2`, org, today.AddDate(0, 0, 1))
	}
	type state struct {
		LongDevices, ShortDevices, LongLeases, ShortLeases bool
		SharedMedia, OwnMedia                              bool
		LongMinutes, ShortMinutes, LongWeaves, ShortWeaves bool
		LongMatches, ShortMatches                          bool
		SharedLegs, OwnLegs                                bool
		LongOpen, ShortOpen                                bool // may be woven again
	}
	look := func() state {
		has := func(sql string, args ...any) bool { return number(t, s, sql, args...) > 0 }
		const ofAccount = ` l where l.account_id = $1`
		return state{
			LongDevices:  ofFirstDay("client_samples", "start_at", long)+ofFirstDay("radio_samples", "start_at", long)+ofFirstDay("wan_samples", "start_at", long) > 0,
			ShortDevices: ofFirstDay("client_samples", "start_at", short)+ofFirstDay("radio_samples", "start_at", short)+ofFirstDay("wan_samples", "start_at", short) > 0,
			LongLeases:   ofFirstDay("leases", "to_at", long) > 0, ShortLeases: ofFirstDay("leases", "to_at", short) > 0,
			SharedMedia: has(`select count(*) from media_samples join legs l using (leg_id) where l.account_id = $1`, "shared"),
			OwnMedia:    has(`select count(*) from media_samples join legs l using (leg_id) where l.account_id = $1`, "own"),
			LongMinutes: ofFirstDay("call_minutes", "start_at", long) > 0, ShortMinutes: ofFirstDay("call_minutes", "start_at", short) > 0,
			LongWeaves: ofFirstDay("weaves", "end_at", long) > 0, ShortWeaves: ofFirstDay("weaves", "end_at", short) > 0,
			LongOpen: ofFirstDay("weaves", "final::int * interval '10 years' + end_at", long) > 0, ShortOpen: ofFirstDay("weaves", "final::int * interval '10 years' + end_at", short) > 0,
			LongMatches: ofFirstDay("matches", "leave_at", long) > 0, ShortMatches: ofFirstDay("matches", "leave_at", short) > 0,
			SharedLegs: has(`select count(*) from legs`+ofAccount, "shared") && has(`select count(*) from meetings`+ofAccount, "shared"),
			OwnLegs:    has(`select count(*) from legs`+ofAccount, "own") || has(`select count(*) from meetings`+ofAccount, "own"),
		}
	}
	want := state{true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true}
	for _, step := range []struct {
		day        int
		change     func()
		partitions int // of the first day, dropped
	}{
		{2, func() {}, 0},
		{3, func() { want.ShortDevices, want.ShortLeases, want.ShortOpen = false, false, false }, 0},
		{4, func() {}, 0},
		{5, func() { want.OwnMedia = false }, 0},
		{6, func() { want.LongDevices, want.LongLeases, want.LongOpen = false, false, false }, 3},
		{8, func() {}, 6},
		{9, func() {
			want.ShortMinutes, want.ShortMatches, want.ShortWeaves, want.OwnLegs = false, false, false, false
		}, 0},
		{10, func() {}, 0},
		{11, func() { want.SharedMedia = false }, 1},
		{20, func() {}, 2},
		{21, func() {
			want.LongMinutes, want.LongMatches, want.LongWeaves, want.SharedLegs = false, false, false, false
		}, 1},
	} {
		step.change()
		now := today.AddDate(0, 0, step.day).Add(5 * time.Hour)
		expired, err := s.Expire(t.Context(), standard, now, func() {})
		if err != nil {
			t.Fatalf("day %d: %v", step.day, err)
		}
		if diff := cmp.Diff(want, look()); diff != "" {
			t.Errorf("day %d: what is kept (-want +got):\n%s", step.day, diff)
		}
		if expired.Partitions != step.partitions || expired.Busy != 0 {
			t.Errorf("day %d: %+v, want %d partitions dropped", step.day, expired, step.partitions)
		}
		if again, err := s.Expire(t.Context(), standard, now.Add(time.Hour), func() {}); err != nil || again != (Expired{}) {
			t.Errorf("day %d, an hour later: %+v, %v", step.day, again, err)
		}
	}
	if n := number(t, s, `select count(*) from leases where org_id = $1 and mac = '02:00:00:00:00:09'`, short); n != 1 {
		t.Error("a lease that goes on is gone")
	}
	// An org that keeps longer from now on is heard at once, and no setting is the standard again.
	zero, forever := 0, 4000
	if err := s.SetOrgKeep(t.Context(), short, KeepChange{Minutes: &zero, Devices: &forever}); err != nil {
		t.Fatal(err)
	}
	if done, err := s.queries().Retained(t.Context(), today); err != nil || done {
		t.Errorf("after a change of settings: done %v, %v", done, err)
	}
	org, err := s.Org(t.Context(), short)
	if err != nil || org.KeepMinutesDays != nil || *org.KeepMediaDays != 4 || *org.KeepDevicesDays != 4000 {
		t.Errorf("settings: %+v, %v", org, err)
	}
	if err := s.SetOrgKeep(t.Context(), uuid.New(), KeepChange{}); err == nil {
		t.Error("settings of an org that is not there")
	}
}

// What waited for device data until its meeting expired is not waited for any more: it would
// come first for ever, and keep everything else from being woven.
func TestExpireEndsTheWaitForAMeeting(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	x, a := zoomAccount("account-x"), uuid.New()
	seedOrg(t, s, a)
	seedAccount(t, s, x)
	seedLink(t, s, x, a)
	exec(t, s, `update weaves set read_revision = revision + 1, end_at = $1`, seedStart.Add(20*time.Minute))
	recent := seedStart.AddDate(0, 0, 29)
	exec(t, s, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, revision)
		values ('zoom', $1, 'recent', 1, 'past', '', $2, $2, 1, 1)`, x.AccountID, recent)
	exec(t, s, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		values ($1, 'zoom', $2, 'recent', 0, 0, 0, 1, $3)`, a, x.AccountID, recent)
	if _, err := s.Expire(t.Context(), Keep{Minutes: 5, Media: 5, Devices: 5}, seedStart.AddDate(0, 0, 30), func() {}); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `update orgs set devices_synced_at = $1`, recent.Add(time.Hour))
	pending, err := s.PendingWeaves(t.Context(), x, a, 1)
	if err != nil || len(pending) != 1 || pending[0].MeetingID != "recent" {
		t.Errorf("pending: %+v, %v, want the recent meeting", pending, err)
	}
	if ready, waiting, err := s.CountPendingWeaves(t.Context(), x, a); err != nil || ready != 1 || waiting != 0 {
		t.Errorf("%d are ready and %d wait, %v, want 1 and 0", ready, waiting, err)
	}
}

// A day that somebody reads is left to the next run, soon.
func TestExpireWaitsForNobody(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	seedOrg(t, s, uuid.New())
	now := seedStart.AddDate(0, 1, 0)
	reading := begin(t, s)
	if _, err := reading.Exec(t.Context(), `lock table client_samples in access share mode`); err != nil {
		t.Fatal(err)
	}
	keep := Keep{Minutes: 5, Media: 5, Devices: 5}
	expired, err := s.Expire(t.Context(), keep, now, func() {})
	if err != nil || expired.Busy == 0 || expired.Partitions == 0 {
		t.Errorf("beside a reader: %+v, %v", expired, err)
	}
	if err := reading.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	busy := expired.Busy
	expired, err = s.Expire(t.Context(), keep, now, func() {})
	if err != nil || expired.Busy != 0 || expired.Partitions != busy {
		t.Errorf("an hour later: %+v, %v, want the %d partitions that were busy", expired, err, busy)
	}
}
