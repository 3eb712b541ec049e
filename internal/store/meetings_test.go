package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/provider"
)

func TestSeeMeetings(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	end := seedStart
	see := func(at time.Time, meetings ...SeenMeeting) (added int) {
		t.Helper()
		added, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, meetings, at)
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	due := func(at time.Time) []string {
		t.Helper()
		meetings, err := s.DueMeetings(t.Context(), ref, at, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range meetings {
			ids = append(ids, m.ID)
		}
		return ids
	}
	uuidID := "gm8s9L+PTEC+FG3sFbd1Cw=="
	if added := see(end, seen("old", end), seen(uuidID, end.Add(time.Minute))); added != 2 {
		t.Errorf("added %d, want 2", added)
	}
	if diff := cmp.Diff([]string{uuidID, "old"}, due(end)); diff != "" {
		t.Errorf("due, newest first (-want +got):\n%s", diff)
	}
	if n := number(t, s, "select count(*) from meetings where meeting_uuid is not null"); n != 1 {
		t.Errorf("%d meetings have a UUID, want 1", n)
	}
	read := func(id string, at time.Time) {
		t.Helper()
		if err := s.LandMeeting(t.Context(), MeetingLanding{AccountRef: ref, MeetingID: id, ReadAt: at, SettleAfter: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	later := end.Add(time.Hour)
	read("old", later)
	read(uuidID, later)
	if added := see(later, seen("old", end), seen(uuidID, end.Add(time.Minute))); added != 0 || len(due(later)) != 0 {
		t.Errorf("seeing them again added %d and made %v due", added, due(later))
	}
	changed := seen("old", end)
	changed.ParticipantCount = 3
	see(later, changed)
	if diff := cmp.Diff([]string{"old"}, due(later)); diff != "" {
		t.Errorf("due after a change (-want +got):\n%s", diff)
	}
}

func TestFailMeeting(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen("m", seedStart)}, seedStart); err != nil {
		t.Fatal(err)
	}
	delays := []time.Duration{time.Minute, time.Hour}
	for i, want := range []struct {
		state string
		due   int64 // seconds after seedStart; -1 never
	}{{MeetingQuarantined, 60}, {MeetingQuarantined, 3600}, {MeetingGone, -1}} {
		state, err := s.FailMeeting(t.Context(), ref, "m", "not_found", MeetingGone, delays, seedStart)
		if err != nil || state != want.state {
			t.Errorf("attempt %d: %s, %v; want %s", i, state, err, want.state)
		}
		if due := number(t, s, "select coalesce(extract(epoch from due_at - $1), -1)::bigint from meetings", seedStart); due != want.due {
			t.Errorf("attempt %d: due after %d s, want %d", i, due, want.due)
		}
	}
}

func TestRetryMeetings(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	later := seedStart.Add(time.Hour)
	for _, id := range []string{"seen", "quarantined", "gone", "skipped"} {
		if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen(id, seedStart)}, seedStart); err != nil {
			t.Fatal(err)
		}
		exec(t, s, "update meetings set state = $1, attempts = 5, due_at = null where meeting_id = $1", id)
	}
	retry := func(want int, skipped bool, ids ...string) {
		t.Helper()
		if n, err := s.RetryMeetings(t.Context(), ref, ids, skipped, later); err != nil || n != want {
			t.Errorf("retried %d of %v, %v; want %d", n, ids, err, want)
		}
	}
	retry(0, false, "seen", "skipped")
	retry(1, true, "seen", "skipped")
	retry(2, false)
	if n := number(t, s, "select count(*) from meetings where due_at = $1 and attempts = 0", later); n != 3 {
		t.Errorf("%d are due anew, want 3", n)
	}
	if err := s.SkipMeeting(t.Context(), ref, "seen"); !errors.Is(err, ErrNotFound) {
		t.Errorf("skipping one that was not tried is %v", err)
	}
	for range 2 {
		if err := s.SkipMeeting(t.Context(), ref, "gone"); err != nil {
			t.Error(err)
		}
	}
	if n := number(t, s, "select count(*) from meetings where state = 'skipped' and meeting_id = 'gone' and due_at is null"); n != 1 {
		t.Error("the skipped meeting is due")
	}
	exec(t, s, "update links set status = 'unlinking'")
	if _, err := s.RetryMeetings(t.Context(), ref, nil, false, later); !errors.Is(err, ErrFenced) {
		t.Errorf("retrying without a link is %v", err)
	}
}
