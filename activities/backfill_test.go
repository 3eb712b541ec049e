package activities

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

func TestBackfillFillsAWeek(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	f := b.filling(from, to)
	progress := f.done()
	if got := describe(b.gaps(from, to)); got != "" {
		t.Errorf("missing: %s", got)
	}
	if progress.State != store.BackfillDone || progress.WindowsListed != 6 || progress.WindowsTotal != 6 || progress.MeetingsDue != 0 || progress.MeetingsRead < 20 {
		t.Errorf("it ended as %+v", progress)
	}
	if got := b.window.Metered(b.account.ID); progress.RequestsSpent != got {
		t.Errorf("it says %d requests, the window metered %d", progress.RequestsSpent, got)
	}
	if f.state() != store.BackfillDone || b.number("select count(*) from audit_log where action = 'backfill requested' and actor = 'cli'") != 1 {
		t.Errorf("the ledger says %s", f.state())
	}
	// What is there already costs the lists only.
	before := b.window.Metered(b.account.ID)
	again := b.filling(from, to).done()
	if again.State != store.BackfillDone || again.MeetingsRead != progress.MeetingsRead {
		t.Errorf("again, it ended as %+v", again)
	}
	if got := b.window.Metered(b.account.ID) - before; got > 2*(6+again.Passes) {
		t.Errorf("again, it cost %d requests in %d passes", got, again.Passes)
	}
}

func TestPausedBackfillSpendsNothing(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	f := b.filling(from, to)
	var spent int
	var once sync.Once
	b.stand(atEvery("/participants", func() { once.Do(func() { f.env.SignalWorkflow(workflows.PauseMessage, nil) }) }))
	f.ended = func(pass int) {
		if pass != 1 {
			return
		}
		f.env.RegisterDelayedCallback(func() {
			spent = b.window.Metered(b.account.ID)
			if p := f.progress(); p.State != store.BackfillPaused || f.state() != store.BackfillPaused || p.MeetingsDue == 0 {
				t.Errorf("paused, it is %+v", p)
			}
		}, time.Minute)
		f.env.RegisterDelayedCallback(func() {
			if got := b.window.Metered(b.account.ID); got != spent {
				t.Errorf("paused, it spent %d requests", got-spent)
			}
			// A scheduled harvest reads what is new, and nothing that is paused.
			before := b.backfilled()
			b.run(workflows.HarvestInput{})
			if got := b.backfilled(); got != before || b.window.Metered(b.account.ID) == spent {
				t.Errorf("paused, a harvest brought %d of the past, with %d there", got-before, before)
			}
			f.env.SignalWorkflow(workflows.ResumeMessage, nil)
		}, 30*time.Hour)
	}
	progress := f.done()
	if got := describe(b.gaps(from, to)); got != "" || progress.State != store.BackfillDone {
		t.Errorf("resumed, it ended as %+v; missing: %s", progress, got)
	}
}

// backfilled is how much of the past was listed and read.
func (b *harvestBundle) backfilled() int {
	return b.number(`select (select count(*) from windows where origin = 'backfill' and state = 'listed')
		+ (select coalesce(sum(revision), 0) from meetings where origin = 'backfill')`)
}

// An update that pauses answers when nothing is spent any more, in the middle of a pass, too.
func TestPauseInTheMiddleOfAPass(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	f := b.filling(from, to)
	reads, spent := 0, -1
	var once sync.Once
	b.stand(atEvery("/participants", func() {
		reads++
		if reads == 3 {
			once.Do(func() {
				f.env.UpdateWorkflow(workflows.PauseMessage, "", updated(func() {
					spent = b.window.Metered(b.account.ID)
					f.env.RegisterDelayedCallback(func() {
						if got := b.window.Metered(b.account.ID); got != spent {
							t.Errorf("after the answer %d requests were spent", got-spent)
						}
						f.env.SignalWorkflow(workflows.ResumeMessage, nil)
					}, 3*time.Hour)
				}))
			})
		}
	}))
	progress := f.done()
	if spent < 0 || progress.State != store.BackfillDone {
		t.Errorf("paused at %d requests, it ended as %+v", spent, progress)
	}
	if got := describe(b.gaps(from, to)); got != "" {
		t.Errorf("missing: %s", got)
	}
}

// What is new is listed and read before any of a backfill: a budget that holds little holds
// that.
func TestLiveMeetingsComeBeforeABackfill(t *testing.T) {
	t.Parallel()
	b := harvestSetup{now: harvestDay.Add(15 * time.Hour), lookback: 4 * time.Hour}.set(t, 1)
	from, to := harvestDay.AddDate(0, 0, -1), harvestDay
	err := b.store.BeginBackfill(t.Context(), store.Backfill{
		AccountRef: b.ref, From: from, To: to, Windows: workflows.BackfillDays(from, to), WorkflowID: "w", RequestedBy: "cli",
	})
	if err != nil {
		t.Fatal(err)
	}
	pass := func(budget int) (live, backfill int) {
		b.exec("update links set max_daily_api_requests = $1", budget)
		b.run(workflows.HarvestInput{})
		return b.number("select count(*) from meetings where origin = 'live' and revision > 0"), b.number("select count(*) from meetings where origin = 'backfill' and revision > 0")
	}
	const lists = 2
	pass(lists)
	if n := b.number("select count(*) from windows where origin = 'backfill' and state = 'listed'"); n != 0 {
		t.Error("the past was listed before what is new")
	}
	b.advance(5 * time.Minute)
	pass(3 * lists) // another list of what is new, and the past's
	due, err := b.store.DueMeetings(t.Context(), b.ref, b.clock(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	live := b.number("select count(*) from meetings where origin = 'live'")
	if live == 0 || live == len(due) {
		t.Fatalf("%d of %d meetings are live", live, len(due))
	}
	for i, meeting := range due {
		if meeting.Backfill != (i >= live) {
			t.Errorf("place %d of %d: of the past: %v, though %d are live", i, len(due), meeting.Backfill, live)
		}
	}
	if read, past := pass(100_000); read != live || past != len(due)-live {
		t.Errorf("%d live meetings and %d of the past were read, want %d and %d", read, past, live, len(due)-live)
	}
}

// A budget that is spent is waited for until the next day, by UTC.
func TestBackfillGoesOnAtMidnight(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	b.advance(5 * time.Hour)
	b.exec("update links set max_daily_api_requests = 40")
	f := b.filling(from, to)
	var waits []workflows.BackfillProgress
	f.ended = func(int) {
		f.env.RegisterDelayedCallback(func() {
			if p := f.progress(); p.WaitingFor == workflows.WaitingBudget {
				waits = append(waits, p)
			}
		}, time.Minute)
	}
	progress := f.done()
	if got := describe(b.gaps(from, to)); got != "" || progress.State != store.BackfillDone {
		t.Errorf("it ended as %+v; missing: %s", progress, got)
	}
	if len(waits) < 2 {
		t.Fatalf("it waited %d times for its budget", len(waits))
	}
	for i, wait := range waits {
		if after := wait.WaitingUntil.Sub(b.midnight(i + 1)); after < 0 || after > 10*time.Minute {
			t.Errorf("wait %d is until %s", i, wait.WaitingUntil)
		}
	}
	if most := b.number("select max(spent) from (select sum(spent) as spent from api_requests group by day) d"); most > 40 {
		t.Errorf("%d requests in a day, want 40 at most", most)
	}
}

// midnight is the one of the n-th day after the harvest's.
func (b *harvestBundle) midnight(n int) time.Time { return harvestDay.AddDate(0, 0, n+1) }

// Two backfills that overlap share the days, and a paused one holds back its own only.
func TestOverlappingBackfills(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	early := store.Backfill{AccountRef: b.ref, From: from, To: to.AddDate(0, 0, -2), WorkflowID: "early", RequestedBy: "cli"}
	early.Windows = workflows.BackfillDays(early.From, early.To)
	if err := b.store.BeginBackfill(t.Context(), early); err != nil {
		t.Fatal(err)
	}
	if err := b.store.PauseBackfill(t.Context(), early, true); err != nil {
		t.Fatal(err)
	}
	lateFrom := from.AddDate(0, 0, 2)
	progress := b.filling(lateFrom, to).done()
	if progress.State != store.BackfillDone || progress.WindowsTotal != 4 || progress.WindowsListed != 4 {
		t.Errorf("the late one ended as %+v", progress)
	}
	if got := describe(b.gaps(lateFrom, to)); got != "" {
		t.Errorf("missing of the late one: %s", got)
	}
	look, err := b.store.LookAtBackfill(t.Context(), early, b.clock())
	if err != nil || look.State != store.BackfillPaused || look.WindowsListed != 2 || look.WindowsOpen != 2 {
		t.Errorf("the early one is %+v, %v", look, err)
	}
	if n := b.number("select count(*) from windows where origin = 'backfill'"); n != 6 {
		t.Errorf("there are %d windows, want one a day", n)
	}
}

func TestCanceledBackfillLeavesThePlan(t *testing.T) {
	t.Parallel()
	b, from, to := past(t)
	f := b.filling(from, to)
	var once sync.Once
	b.stand(atEvery("/participants", func() { once.Do(f.env.CancelWorkflow) }))
	_, err := f.run()
	if !temporal.IsCanceledError(err) {
		t.Fatalf("it ended with %v", err)
	}
	b.stand(nil)
	row, err := b.store.Backfill(t.Context(), b.ref, from)
	if err != nil || row.State != store.BackfillCanceled || row.FinishedAt == nil || row.Outcome == nil {
		t.Errorf("the ledger says %+v, %v", row, err)
	}
	if n := b.number("select count(*) from windows where origin = 'backfill' and state <> 'listed'"); n != 0 {
		t.Errorf("%d windows are still planned", n)
	}
	if n := b.number("select count(*) from meetings where origin = 'backfill' and state = 'seen' and (due_at is not null or cause <> 'canceled')"); n != 0 {
		t.Errorf("%d meetings are still to be read", n)
	}
	if n := b.number("select count(*) from harvest_claims"); n != 0 {
		t.Error("the ledger is still held")
	}
	// Asked for again, all of it comes.
	if progress := b.filling(from, to).done(); progress.State != store.BackfillDone {
		t.Errorf("again, it ended as %+v", progress)
	}
	if got := describe(b.gaps(from, to)); got != "" {
		t.Errorf("missing: %s", got)
	}
}

// The last link's end is the backfill's, whatever it waits for.
func TestBackfillEndsWithTheLastLink(t *testing.T) {
	t.Parallel()
	for name, paused := range map[string]bool{"at work": false, "paused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, from, to := past(t)
			f := b.filling(from, to)
			f.ended = func(pass int) {
				if pass != 1 {
					return
				}
				if paused {
					f.env.SignalWorkflow(workflows.PauseMessage, nil)
				}
				f.env.RegisterDelayedCallback(func() {
					b.exec("update links set status = 'unlinking'")
				}, 0)
			}
			progress := f.done()
			if progress.Stopped != workflows.ErrFenced || progress.State != store.BackfillCanceled {
				t.Errorf("it ended as %+v", progress)
			}
		})
	}
}

func TestBackfillSaysWhatIsWrongWithItsInput(t *testing.T) {
	t.Parallel()
	now := harvestDay
	good := workflows.BackfillInput{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: "a"}, From: now.AddDate(0, 0, -2), To: now}
	for want, change := range map[string]func(in *workflows.BackfillInput){
		"":                            func(*workflows.BackfillInput) {},
		"account_id: missing":         func(in *workflows.BackfillInput) { in.AccountID = "" },
		"from: missing":               func(in *workflows.BackfillInput) { in.From = time.Time{} },
		"to: missing":                 func(in *workflows.BackfillInput) { in.To = time.Time{} },
		"to: want a time in the past": func(in *workflows.BackfillInput) { in.To = now.Add(time.Hour) },
		"from: want a time before to": func(in *workflows.BackfillInput) { in.To = in.From },
		"from: providers keep six months: want 2026-05-11T00:00:00Z or later": func(in *workflows.BackfillInput) { in.From = now.AddDate(-1, 0, 0) },
	} {
		in := good
		change(&in)
		got := ""
		if err := in.ValidAt(now); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDaysAreCutAtMidnight(t *testing.T) {
	t.Parallel()
	day := harvestDay
	got := workflows.BackfillDays(day.Add(-36*time.Hour), day.Add(6*time.Hour))
	want := []provider.Window{
		{From: day, To: day.Add(6 * time.Hour)}, {From: day.AddDate(0, 0, -1), To: day}, {From: day.Add(-36 * time.Hour), To: day.AddDate(0, 0, -1)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
}
