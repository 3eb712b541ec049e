package activities

import (
	"testing"
	"time"

	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// A pass every five minutes finds every meeting, those that end at the second of a pass
// and those that began before the first, and reads each twice: when it appears, and when
// it has settled.
func TestPassesMissNothingAndReadTwice(t *testing.T) {
	t.Parallel()
	b := harvestSetup{now: harvestDay.Add(12 * time.Hour), lookback: time.Hour}.set(t, 1)
	from := b.clock()
	passes := 0
	pass := func() {
		b.run(workflows.HarvestInput{})
		passes++
	}
	for end := b.clock().Add(3 * time.Hour); b.clock().Before(end); b.advance(5 * time.Minute) {
		pass()
	}
	for range 8 { // until all of them have settled
		pass()
		b.advance(5 * time.Minute)
	}
	if got := describe(b.gaps(from, from.Add(2*time.Hour))); got != "" {
		t.Errorf("missing: %s", got)
	}
	if got := b.number("select count(*) from meetings where state = 'settled' and revision > 2"); got != 0 {
		t.Errorf("%d meetings were read a third time", got)
	}
	if got := b.number("select count(*) from meetings where state = 'settled' and revision = 2"); got == 0 {
		t.Error("no meeting was read twice: they are listed too late to see it")
	}
	// What was spent is what it must cost: lists, and the reads that there were.
	want := 2 * passes
	for _, m := range b.world.MeetingsStarting(b.account, from.Add(-2*time.Hour), b.clock()) {
		want += zoomwindow.MeetingCost(m) * b.number("select coalesce(max(revision), 0) from meetings where meeting_id = $1", zoomwindow.MeetingID(m))
	}
	if got := b.window.Metered(b.account.ID); got != want {
		t.Errorf("%d requests in %d passes, want %d", got, passes, want)
	}
}

// Months that nobody harvested: Zoom lists a month at most, and gives the last six.
func TestHarvestOfMonths(t *testing.T) {
	t.Parallel()
	b := harvestSetup{world: func(c *world.Config) { c.MeetingsPerDay = 1 }}.set(t, 1)
	from, to := b.clock().AddDate(0, 0, -65), b.clock()
	b.run(workflows.HarvestInput{From: from, To: to})
	for range 3 { // a pass lists a bounded number of windows
		b.advance(5 * time.Minute)
		b.run(workflows.HarvestInput{})
	}
	if got := describe(b.gaps(from, to)); got != "" {
		t.Errorf("missing: %s", got)
	}
	if got := b.number("select count(*) from meetings where state = 'settled'"); got < 50 {
		t.Errorf("%d meetings are settled: hardly any were there", got)
	}
	if got := b.number("select count(*) from windows where state <> 'listed'"); got != 0 {
		t.Errorf("%d windows are open", got)
	}
}
