package harvestbench

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"
	tlog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"callweave/activities"
	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

const (
	steadyInterval = 5 * time.Minute
	steadyLookback = 36 * time.Hour // longer than any look back
	steadySettle   = 30 * time.Minute
	steadyListLag  = time.Minute // until the provider lists a meeting that ended
)

// BenchmarkRequests lives a simulated day of passes every five minutes and compares the
// requests that were sent with the fewest that could do: of a read ⌈P/300⌉ + ⌈P/10⌉, one
// read when a meeting appears and one when it has settled, one where it appears later;
// and of every pass ⌈n/300⌉ for each of the two lists of its window. Goal: ratio ≤ 1.02,
// and not one request more for three orgs than for one.
//
// What was before the day is taken as settled. Time is not measured here.
func BenchmarkRequests(b *testing.B) {
	for b.Loop() {
		full := liveDay(b, 2000, 3)
		one, three := liveDay(b, 500, 1), liveDay(b, 500, 3)
		for _, lived := range []struct {
			name string
			day  livedDay
		}{{"2000 meetings, 3 orgs", full}, {"500 meetings, 1 org", one}, {"500 meetings, 3 orgs", three}} {
			d := lived.day
			b.Logf("%s: %d passes, %d reads of %d meetings: %d requests, %d at least; lists: %d requests, %d at least for what was listed, %d if one page held every list",
				lived.name, d.passes, d.reads, d.meetings, d.heavy, d.heavyLeast, d.lists, d.listsLeast, 2*d.passes)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(full.heavy+full.lists)/float64(full.heavyLeast+full.listsLeast), "ratio")
		b.ReportMetric(float64(full.heavy+full.lists)/float64(full.heavyLeast+2*full.passes), "one-page-ratio")
		b.ReportMetric(float64(three.heavy+three.lists-one.heavy-one.lists), "extra-for-3-orgs")
	}
}

// livedDay is what a day came to.
type livedDay struct {
	passes, meetings, reads int
	heavy, heavyLeast       int // requests that read meetings
	lists, listsLeast       int
}

func liveDay(b *testing.B, meetings, orgs int) (lived livedDay) {
	b.Helper()
	w, err := worldOf(meetings)
	if err != nil {
		b.Fatal(err)
	}
	var clock atomic.Int64
	clock.Store(day().Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	window := windowOf(w, now)
	server := httptest.NewServer(window)
	b.Cleanup(server.Close)
	s := newStage(b, w, server.URL, orgs, now)
	env := s.activities(server.URL, now)

	s.list(env, now()) // what was before
	s.exec("update meetings set state = 'settled', due_at = null")
	heavy, lists, metered := s.spent("heavy"), s.spent("resource_intensive"), window.Metered(s.account.ID)
	var looks []look
	for range int(24 * time.Hour / steadyInterval) {
		clock.Add(int64(steadyInterval / time.Second))
		seen, ended := s.list(env, now())
		for _, l := range seen {
			lived.listsLeast += s.pagesOf(l)
		}
		looks = append(looks, seen...)
		if !ended {
			lived.reads += s.read(env)
		}
		lived.passes++
	}
	lived.heavy, lived.lists = s.spent("heavy")-heavy, s.spent("resource_intensive")-lists
	if got := window.Metered(s.account.ID) - metered; got != lived.heavy+lived.lists {
		b.Errorf("the provider counted %d requests, we charged %d", got, lived.heavy+lived.lists)
	}
	reads := 0
	for _, m := range w.MeetingsStarting(s.account, day().Add(-steadyLookback), now()) {
		n := readsNeeded(m, looks)
		if reads += n; n > 0 {
			lived.meetings++
		}
		lived.heavyLeast += n * zoomwindow.MeetingCost(m)
	}
	if reads != lived.reads {
		b.Errorf("%d meetings were read, %d had to be", lived.reads, reads)
	}
	return lived
}

// look is a window that was listed.
type look struct {
	at time.Time
	provider.Window
}

// shows reports whether a meeting is in the list.
func (l look) shows(m *world.Meeting) bool {
	return !m.StartAt.Before(l.From) && !m.StartAt.After(l.To) && !l.at.Before(m.EndAt.Add(steadyListLag))
}

// pagesOf is the fewest requests that can list a window: its two lists.
func (s *stage) pagesOf(l look) int {
	n := map[bool]int{}
	for _, m := range s.world.MeetingsStarting(s.account, l.From, l.To.Add(time.Second)) {
		if l.shows(m) {
			n[m.Alone()]++
		}
	}
	return max(1, (n[true]+299)/300) + max(1, (n[false]+299)/300)
}

// readsNeeded is how often a meeting has to be read: when a list first shows it, and when
// it has settled, unless it had before.
func readsNeeded(m *world.Meeting, looks []look) (reads int) {
	if !m.EndAt.Add(steadyListLag).After(day()) {
		return 0 // it was before
	}
	seen, settled := false, m.EndAt.Add(steadySettle)
	for _, l := range looks {
		appears := !seen && l.shows(m)
		if seen = seen || appears; !seen {
			continue
		}
		if appears || !l.at.Before(settled) {
			reads++
		}
		if !l.at.Before(settled) {
			break
		}
	}
	return reads
}

// activities hosts the harvest's activities in this process.
func (s *stage) activities(zoomURL string, now func() time.Time) *testsuite.TestActivityEnvironment {
	s.b.Helper()
	manager := credentials.New(s.store, s.vault, credentials.Config{Now: now}, zoomClient(zoomURL, store.NewMeter(s.store, now), now))
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(tlog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	env := suite.NewTestActivityEnvironment()
	activities.Register(registrar{env}, activities.Set{Harvest: activities.NewHarvest(s.store, s.vault, manager, activities.HarvestConfig{
		Interval: steadyInterval, Lookback: steadyLookback, SettleAfter: steadySettle, Now: now,
	})})
	return env
}

// registrar lets Register fill a test environment, which knows no dynamic activities.
type registrar struct {
	*testsuite.TestActivityEnvironment
}

func (registrar) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}

// list does what the workflow does first: a look, and the lists that it leaves. It returns
// what was listed, and whether the look was all there was to do.
func (s *stage) list(env *testsuite.TestActivityEnvironment, at time.Time) (looks []look, ended bool) {
	s.b.Helper()
	plan := execute[workflows.PlanHarvestResult](s, env, workflows.PlanActivity, workflows.PlanHarvestInput{AccountRef: s.ref, At: at, Look: true})
	for _, window := range plan.Windows {
		listed := execute[workflows.ListMeetingsResult](s, env, workflows.ListMeetingsActivity, workflows.ListMeetingsInput{AccountRef: s.ref, Window: window})
		if listed.Cause != "" {
			s.b.Fatalf("window was not listed: %s", listed.Cause)
		}
	}
	rows, err := s.pool.Query(s.b.Context(), "select from_at, to_at from windows where to_at = $1 and state = 'listed'", at)
	if err != nil {
		s.b.Fatal(err)
	}
	windows, err := pgx.CollectRows(rows, pgx.RowToStructByPos[provider.Window])
	if err != nil {
		s.b.Fatal(err)
	}
	if len(windows) != plan.Listed+len(plan.Windows) {
		s.b.Fatalf("%d windows are listed, want %d", len(windows), plan.Listed+len(plan.Windows))
	}
	for _, window := range windows {
		looks = append(looks, look{at, window})
	}
	return looks, plan.Ended
}

// read does the rest of it, and returns how many meetings it read.
func (s *stage) read(env *testsuite.TestActivityEnvironment) (read int) {
	s.b.Helper()
	for {
		batch := execute[workflows.ReadMeetingsResult](s, env, workflows.ReadMeetingsActivity, workflows.ReadMeetingsInput{AccountRef: s.ref})
		if batch.Stopped.Type != "" || batch.Quarantined > 0 {
			s.b.Fatalf("reading ended with %+v", batch)
		}
		read += batch.Read
		if batch.Remaining == 0 {
			break
		}
	}
	execute[workflows.FinishHarvestResult](s, env, workflows.FinishHarvestActivity, workflows.FinishHarvestInput{AccountRef: s.ref})
	return read
}

func execute[Out any](s *stage, env *testsuite.TestActivityEnvironment, name string, in any) (out Out) {
	s.b.Helper()
	value, err := env.ExecuteActivity(name, in)
	if err == nil {
		err = value.Get(&out)
	}
	if err != nil {
		s.b.Fatalf("%s: %v", name, err)
	}
	return out
}

func (s *stage) spent(category string) int {
	s.b.Helper()
	return s.number("select coalesce(sum(spent), 0) from api_requests where category = $1", category)
}
