package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/world/zoomwindow"
)

// TestAKilledWorker kills the worker in the middle of reading a meeting and starts it
// again: the rows are those of a harvest that nobody disturbed.
func TestAKilledWorker(t *testing.T) {
	t.Parallel()
	// Meetings enough that the page is there on every day and hour of the week.
	m := startWorld(t, t.TempDir(), 16, 60)
	stopAtEnd(t, m)
	org, account := m.clouds.world.Orgs[0], m.clouds.world.Accounts[0]

	held, err := m.clouds.zoom.Faults.Add(zoomwindow.Fault{
		Kind: zoomwindow.FaultHang, Path: "/participants/qos$", Skip: 20, Count: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := limit(t)
	if _, err := m.link(ctx, org, account.Admins[0]); err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Hits():
	case <-ctx.Done():
		t.Fatal("the harvest never came to its 21st page")
	}
	kill(t, m, "worker")
	held.Release()
	if len(content(t, m)) == 0 {
		t.Error("nothing had landed when the worker was killed: the test shows nothing")
	}
	if _, err := m.startWorker(ctx, newProgress(testWriter{t})); err != nil {
		t.Fatal(err)
	}
	if _, err := m.awaitWoven(ctx, org); err != nil {
		t.Fatal(err)
	}
	r := &report{account: account}
	if _, err := r.measure(ctx, m, org); err != nil {
		t.Fatal(err)
	}
	for _, p := range []pair{r.harvest.meetings, r.harvest.legs, r.harvest.samples, r.orgs[0].legs, r.orgs[0].minutes, r.orgs[0].bad} {
		if !p.agrees() {
			t.Errorf("got %d, the truth is %d: %+v", p.got, p.truth, r.harvest)
		}
	}
	disturbed := content(t, m)

	// The same once more, undisturbed.
	if _, err := m.unlink(ctx, r, org); err != nil {
		t.Fatal(err)
	}
	linked(t, m, org)
	undisturbed := content(t, m)
	for meeting, rows := range disturbed {
		// Device data grows with every poll; what came from Zoom, who it was and whether it
		// was bad does not.
		if again, there := undisturbed[meeting]; there && again != rows {
			t.Errorf("meeting %s differs from that of an undisturbed harvest:\n%s", meeting, cmp.Diff(strings.Split(again, "\n"), strings.Split(rows, "\n")))
		}
	}
	if len(disturbed) == 0 || len(undisturbed) < len(disturbed)-1 {
		t.Errorf("%d settled meetings after the kill, %d without", len(disturbed), len(undisturbed))
	}
}

// kill ends a program as a crash would, and takes it off the list of what is to be stopped.
func kill(t *testing.T, m *machine, name string) {
	t.Helper()
	if err := syscall.Kill(m.programs[name].Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-m.programs[name].Done()
	m.parts = slices.DeleteFunc(m.parts, func(p part) bool { return p.name == "the "+name })
}

// content is what is stored of every settled meeting, in natural keys and in order.
func content(t *testing.T, m *machine) map[string]string {
	t.Helper()
	found, err := m.db.Query(t.Context(), `
select meeting_id, string_agg(row, E'\n' order by row) from (
    select m.meeting_id, 'leg ' || (to_jsonb(l) - 'leg_id' - 'person_sealed')::text as row
    from meetings m join legs l using (provider, account_id, meeting_id) where m.state = 'settled'
    union all
    select m.meeting_id, 'sample ' || l.participant_id || ' ' || l.join_at || ' ' || (to_jsonb(s) - 'leg_id')::text
    from meetings m join legs l using (provider, account_id, meeting_id) join media_samples s using (leg_id) where m.state = 'settled'
    union all
    select m.meeting_id, concat_ws(' ', 'minute', l.participant_id, l.join_at, c.start_at, c.site_id, c.client_mac, c.bad, c.worst_direction, c.worst_metric, c.bucket)
    from meetings m join legs l using (provider, account_id, meeting_id) join call_minutes c using (leg_id) where m.state = 'settled'
) rows group by meeting_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	byMeeting := map[string]string{}
	for found.Next() {
		var meeting, rows string
		if err := found.Scan(&meeting, &rows); err != nil {
			t.Fatal(err)
		}
		byMeeting[meeting] = rows
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return byMeeting
}
