package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
)

// several are reads of meetings m0, m1, ... of a new account with two links, each a day
// after the one before, with two legs.
func several(t *testing.T, s *Store, n int) (ref provider.AccountRef, landings []MeetingLanding) {
	t.Helper()
	ref, _ = linkedAccount(t, s, "a", nil, nil)
	var meetings []SeenMeeting
	for i := range n {
		end := seedStart.Add(time.Duration(i)*24*time.Hour + time.Hour)
		landing := MeetingLanding{AccountRef: ref, MeetingID: fmt.Sprintf("m%d", i), First: true, ReadAt: end.Add(time.Minute), SettleAfter: time.Hour}
		for _, participant := range []string{"1", "2"} {
			join := end.Add(-time.Hour)
			landing.Legs = append(landing.Legs, LegLanding{
				Leg: provider.Leg{ParticipantID: participant, JoinAt: join, LeaveAt: end, Samples: []provider.MediaSample{
					sampleAt(join, float64(i), -60), sampleAt(join.Add(time.Minute), 7, 0),
				}},
				PersonSealed: []byte(participant + landing.MeetingID),
			})
		}
		meetings, landings = append(meetings, seen(landing.MeetingID, end)), append(landings, landing)
	}
	if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, meetings, seedStart); err != nil {
		t.Fatal(err)
	}
	return ref, landings
}

// landedRows is all that landings write, but for the ids of legs and who wrote it.
func landedRows(t *testing.T, s *Store) (rows []string) {
	t.Helper()
	found, err := s.pool.Query(t.Context(), `
		select concat_ws(' ', 'meeting', meeting_id, state, cause, attempts, revision, due_at, provisional) from meetings
		union all select concat_ws(' ', 'weave', meeting_id, org_id = (select min(org_id::text)::uuid from links), read_revision, end_at) from weaves
		union all select concat_ws(' ', 'leg', meeting_id, participant_id, join_at, leave_at, convert_from(person_sealed, 'UTF8'), public_ip, private_ips, mac) from legs
		union all select concat_ws(' ', 'sample', l.meeting_id, l.participant_id, s.start_at, s.end_at, s.granularity, s.audio_in_latency_ms, s.wifi_rssi_avg_dbm)
			from media_samples s left join legs l using (leg_id)
		order by 1`)
	if err == nil {
		rows, err = pgx.CollectRows(found, pgx.RowTo[string])
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// Meetings that are new, that were read before and that lack quality, landed together, are
// what they are landed one by one.
func TestLandMeetingsTogetherOrOneByOne(t *testing.T) {
	t.Parallel()
	var states [2][]string
	for i, together := range []bool{true, false} {
		s := openTest(t)
		ref, landings := several(t, s, 5)
		land := func(landings ...MeetingLanding) {
			t.Helper()
			if together {
				if err := s.LandMeetings(t.Context(), ref, landings); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, landing := range landings {
				if err := s.LandMeeting(t.Context(), landing); err != nil {
					t.Fatal(err)
				}
			}
		}
		land(landings[:3]...)
		if n := number(t, s, "select count(distinct xmin::text) from legs"); together && n != 1 {
			t.Errorf("three meetings took %d transactions", n)
		}
		for j := range landings[:3] { // the settling read
			landings[j].First, landings[j].ReadAt = false, landings[j].ReadAt.Add(time.Hour)
			join := landings[j].Legs[1].JoinAt
			landings[j].Legs[1].Samples = []provider.MediaSample{sampleAt(join, 99, 0), sampleAt(join.Add(2*time.Minute), 8, 0)}
		}
		landings[4].Unmeasured, landings[4].ReadAt = true, landings[4].ReadAt.Add(time.Hour)
		for j := range landings[4].Legs {
			landings[4].Legs[j].Samples = nil
		}
		land(landings...)
		states[i] = landedRows(t, s)
	}
	if diff := cmp.Diff(states[1], states[0]); diff != "" {
		t.Errorf("landed together (-one by one +together):\n%s", diff)
	}
	if len(states[0]) != 5+10+10+3*5+4 {
		t.Errorf("there are %d rows:\n%s", len(states[0]), strings.Join(states[0], "\n"))
	}
}

// What cannot be landed takes everything with it that was to be landed together: nothing is
// written, so that each can be landed by itself.
func TestLandMeetingsAllOrNone(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string]struct {
		with func(*testing.T, *Store, []MeetingLanding)
		want func(error) bool
	}{
		"a sample twice": {
			func(_ *testing.T, _ *Store, l []MeetingLanding) { l[1].Legs[0].Samples[1] = l[1].Legs[0].Samples[0] },
			func(err error) bool { return err != nil && strings.Contains(err.Error(), "23505") },
		},
		"a meeting never seen": {
			func(_ *testing.T, _ *Store, l []MeetingLanding) { l[1].MeetingID = "never" },
			func(err error) bool { return errors.Is(err, ErrNotFound) },
		},
		"one that was read meanwhile": {
			func(t *testing.T, s *Store, l []MeetingLanding) {
				t.Helper()
				read := l[1]
				read.Legs = nil
				if err := s.LandMeeting(t.Context(), read); err != nil {
					t.Fatal(err)
				}
			},
			func(err error) bool { return errors.Is(err, ErrReadBefore) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			ref, landings := several(t, s, 3)
			poison.with(t, s, landings)
			before := landedRows(t, s)
			if err := s.LandMeetings(t.Context(), ref, landings); !poison.want(err) {
				t.Errorf("landing is %v", err)
			}
			if diff := cmp.Diff(before, landedRows(t, s)); diff != "" {
				t.Errorf("something was written (-before +after):\n%s", diff)
			}
		})
	}
}

// A fence that is put up while meetings are being landed is waited for, and then nothing of
// them is written.
func TestLandMeetingsWaitForAFence(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, landings := several(t, s, 3)
	before := landedRows(t, s)
	fence := begin(t, s)
	if _, err := fence.Exec(t.Context(), "update links set status = 'unlinking'"); err != nil {
		t.Fatal(err)
	}
	landing := make(chan error, 1)
	go func() { landing <- s.LandMeetings(t.Context(), ref, landings) }()
	untilWaiting(t, s, 1, landing)
	if err := fence.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-landing; !errors.Is(err, ErrFenced) {
		t.Errorf("landing beside a fence is %v", err)
	}
	if diff := cmp.Diff(before, landedRows(t, s)); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}

// The days of two meetings are made, and none between them.
func TestLandMeetingsMakesNoDaysBetween(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, landings := several(t, s, 12)
	count := "select count(*) from pg_inherits where inhparent = 'media_samples'::regclass"
	before := number(t, s, count)
	if err := s.LandMeetings(t.Context(), ref, []MeetingLanding{landings[0], landings[11]}); err != nil {
		t.Fatal(err)
	}
	if made := number(t, s, count) - before; made < 2 || made > 4 {
		t.Errorf("%d days were made for meetings on two", made)
	}
}
