package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// seedSettled adds an account with a link and meetings, a minute apart, that were all
// read and woven.
func seedSettled(t testing.TB, s *Store, meetings int) (provider.AccountRef, uuid.UUID) {
	t.Helper()
	ref, org := zoomAccount("busy"), uuid.New()
	exec(t, s, `insert into accounts (provider, account_id) values ($1, $2)`, ref.Provider, ref.AccountID)
	exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', '', '', 'infinity')`, org)
	exec(t, s, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, revision)
		select $1, $2, format('meeting %s', n), n, 'past', '', $3::timestamptz + n * interval '1 minute', $3::timestamptz + (n + 30) * interval '1 minute', 4, 'settled', 2
		from generate_series(1, $4::integer) n`, ref.Provider, ref.AccountID, seedStart, meetings)
	if err := s.Land(t.Context(), landing(t, s, ref, org)); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `update weaves set revision = read_revision`)
	exec(t, s, `vacuum analyze`)
	return ref, org
}

// rowsRead counts the rows of tables that the connection has read, also before the
// transaction.
func rowsRead(t *testing.T, tx pgx.Tx, tables ...string) (rows int64, err error) {
	t.Helper()
	err = tx.QueryRow(t.Context(), `select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint
		from pg_stat_xact_user_tables where relname = any($1)`, tables).Scan(&rows)
	return rows, err
}

// What was woven long ago costs nothing: the rows that are looked at are those that are
// pending, of whatever number of meetings.
func TestPendingWeavesLookAtNothingElse(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, org := seedSettled(t, s, 3000)
	exec(t, s, `update weaves set read_revision = 3 where meeting_id in ('meeting 7', 'meeting 2999')`)
	exec(t, s, `vacuum analyze weaves`)
	var pending []db.PendingWeavesRow
	var touched int64
	err := s.inTx(t.Context(), func(tx pgx.Tx, q *db.Queries) error {
		before, err := rowsRead(t, tx, "weaves", "meetings")
		if err != nil {
			return err
		}
		pending, err = q.PendingWeaves(t.Context(), db.PendingWeavesParams{Provider: string(ref.Provider), AccountID: ref.AccountID, OrgID: org, MaxRows: 100})
		if err != nil {
			return err
		}
		if counts, err := q.CountPendingWeaves(t.Context(), string(ref.Provider), ref.AccountID, org); err != nil || counts.Ready != 2 {
			t.Errorf("ready %d, %v; want 2", counts.Ready, err)
		}
		after, err := rowsRead(t, tx, "weaves", "meetings")
		touched = after - before
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pending) != 2 || pending[0].MeetingID != "meeting 7" {
		t.Errorf("pending %+v, want meetings 7 and 2999", pending)
	}
	if touched > 20 {
		t.Errorf("%d rows were looked at for 2 pending of 3000 meetings", touched)
	}
}

func TestMeetingsAreQueuedForEveryLinkThatGoesOn(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, orgs := linkedAccount(t, s, "a", nil, nil, nil)
	exec(t, s, `update links set status = 'failed' where org_id = $1`, orgs[1])
	exec(t, s, `update links set status = 'unlinking' where org_id = $1`, orgs[2])
	exec(t, s, `update orgs set devices_synced_at = $1`, seedStart.Add(90*time.Minute))
	read := func(meeting string, end time.Time) {
		t.Helper()
		if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen(meeting, end)}, end); err != nil {
			t.Fatal(err)
		}
		if err := s.LandMeeting(t.Context(), MeetingLanding{AccountRef: ref, MeetingID: meeting, ReadAt: end}); err != nil {
			t.Fatal(err)
		}
	}
	type state struct {
		Pending        []string
		Ready, Waiting int
	}
	look := func(org uuid.UUID) state {
		t.Helper()
		rows, err := s.PendingWeaves(t.Context(), ref, org, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got state
		for _, row := range rows {
			got.Pending = append(got.Pending, fmt.Sprintf("%s.%d", row.MeetingID, row.Revision))
		}
		if got.Ready, got.Waiting, err = s.CountPendingWeaves(t.Context(), ref, org); err != nil {
			t.Fatal(err)
		}
		return got
	}
	weave := func(meeting string, revision int32) {
		t.Helper()
		landed, err := s.LandWeaves(t.Context(), ref, orgs[0], 0, []WeaveLanding{{MeetingID: meeting, Revision: revision}})
		if err != nil || !landed[meeting] {
			t.Fatalf("land weave: %v, %v", landed, err)
		}
	}
	want := func(what string, org uuid.UUID, want state) {
		t.Helper()
		if diff := cmp.Diff(want, look(org)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	read("early", seedStart.Add(time.Hour))
	read("late", seedStart.Add(2*time.Hour))
	want("read", orgs[0], state{[]string{"early.1"}, 1, 1})
	want("read, credentials failing", orgs[1], state{[]string{"early.1"}, 1, 1})
	want("read, being unlinked", orgs[2], state{})
	read("early", seedStart.Add(time.Hour))
	weave("early", 1)
	want("read again while it was woven", orgs[0], state{[]string{"early.2"}, 1, 1})
	weave("early", 2)
	want("woven", orgs[0], state{nil, 0, 1})
	exec(t, s, `update orgs set devices_synced_at = $1`, seedStart.Add(2*time.Hour))
	want("devices came", orgs[0], state{[]string{"late.1"}, 1, 0})

	// A link that begins has everything to weave, and what was woven for another stays so.
	org := uuid.New()
	exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed, devices_synced_at) values ($1, 'Org', '', '', 'infinity')`, org)
	authorization := landing(t, s, ref, org)
	for range 2 { // once more changes nothing
		if err := s.Land(t.Context(), authorization); err != nil {
			t.Fatal(err)
		}
		want("a new link", org, state{[]string{"early.2", "late.1"}, 2, 0})
	}
	want("another's link", orgs[0], state{[]string{"late.1"}, 1, 0})
}

// A meeting that lands while a link is being made is woven for it.
func TestMeetingLandsWhileALinkIsMade(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	end := seedStart.Add(time.Hour)
	if _, err := s.SeeMeetings(t.Context(), ref, OriginLive, provider.ListPast, []SeenMeeting{seen("m", end)}, end); err != nil {
		t.Fatal(err)
	}
	org := uuid.New()
	exec(t, s, `insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Org', '', '')`, org)
	link := landing(t, s, ref, org)
	making := begin(t, s)
	if err := link.landCredential(t.Context(), db.New(making), db.UnlandedGrant{ExchangedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := link.landLink(t.Context(), db.New(making), true); err != nil {
		t.Fatal(err)
	}
	landed := make(chan error, 1)
	go func() {
		landed <- s.LandMeeting(t.Context(), MeetingLanding{AccountRef: ref, MeetingID: "m", ReadAt: end})
	}()
	untilWaiting(t, s, 1, landed)
	if err := making.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-landed; err != nil {
		t.Fatal(err)
	}
	if _, waiting, err := s.CountPendingWeaves(t.Context(), ref, org); err != nil || waiting != 1 {
		t.Errorf("%d meetings wait to be woven for the new link, %v; want 1", waiting, err)
	}
}

// What a poll asks for every link when nothing is to be woven.
func BenchmarkPendingWeaves(b *testing.B) {
	for _, meetings := range []int{2_000, 200_000} {
		b.Run(fmt.Sprintf("settled=%d", meetings), func(b *testing.B) {
			s := openTest(b)
			ref, org := seedSettled(b, s, meetings)
			for b.Loop() {
				if _, err := s.PendingWeaves(b.Context(), ref, org, 100); err != nil {
					b.Fatal(err)
				}
				if _, _, err := s.CountPendingWeaves(b.Context(), ref, org); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
