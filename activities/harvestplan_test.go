package activities

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/provider"
	"callweave/internal/store"
)

func TestPlanLive(t *testing.T) {
	t.Parallel()
	config := HarvestConfig{Interval: 5 * time.Minute, Lookback: 24 * time.Hour}
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return at.Add(-d) }
	live := func(back time.Duration, deep bool) windowPlan {
		return windowPlan{store.OriginLive, []provider.Window{{From: ago(back), To: at}}, deep}
	}
	tests := map[string]struct {
		at, now time.Time
		listed  store.Listed
		want    windowPlan
	}{
		"first": {at, at, store.Listed{}, live(24*time.Hour, true)},
		"next reaches back by the overlap": {
			at, at,
			store.Listed{From: ago(1000 * time.Hour), To: ago(5 * time.Minute), Deep: ago(10 * time.Minute)},
			live(2*time.Hour+5*time.Minute, false),
		},
		"every hour as far as a meeting can last": {
			at, at,
			store.Listed{From: ago(1000 * time.Hour), To: ago(5 * time.Minute), Deep: ago(time.Hour)},
			live(30*time.Hour+5*time.Minute, true),
		},
		"never before the first": {
			at, at,
			store.Listed{From: ago(25 * time.Hour), To: ago(5 * time.Minute), Deep: ago(time.Hour)},
			live(25*time.Hour, true),
		},
		"after an outage, all of it, in pieces": {
			at, at,
			store.Listed{From: ago(1000 * time.Hour), To: ago(72 * time.Hour), Deep: ago(72 * time.Hour)},
			windowPlan{store.OriginLive, []provider.Window{{From: ago(48 * time.Hour), To: at}, {From: ago(96 * time.Hour), To: ago(48 * time.Hour)}, {From: ago(102 * time.Hour), To: ago(96 * time.Hour)}}, true},
		},
		"first, after one that was not listed": {at, at, store.Listed{From: ago(25 * time.Hour)}, live(25*time.Hour, true)},
		"the same time again":                  {at, at, store.Listed{From: ago(24 * time.Hour), To: at, Deep: at}, windowPlan{}},
		"late, covered meanwhile":              {ago(5 * time.Minute), at, store.Listed{From: ago(24 * time.Hour), To: at, Deep: at}, windowPlan{}},
		"backfill of a schedule":               {ago(48 * time.Hour), at, store.Listed{From: ago(24 * time.Hour), To: at, Deep: at}, windowPlan{store.OriginBackfill, []provider.Window{{From: ago(48*time.Hour + 5*time.Minute), To: ago(48 * time.Hour)}}, false}},
		"a clock that is ahead":                {at.Add(time.Hour), at, store.Listed{}, live(24*time.Hour, true)},
		"fractions are left for up":            {at.Add(time.Millisecond), at.Add(time.Second), store.Listed{}, live(24*time.Hour, true)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := planLive(test.at, test.now, test.listed, config)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(windowPlan{})); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanLiveAfterMonths(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	plan := planLive(at, at, store.Listed{From: at.AddDate(-1, 0, 0), To: at.AddDate(0, -2, 0), Deep: at.AddDate(0, -2, 0)}, HarvestConfig{})
	end := at
	for _, w := range plan.windows {
		if !w.To.Equal(end) || w.To.Sub(w.From) > 48*time.Hour {
			t.Errorf("window %s to %s leaves a hole or is longer than two days", w.From, w.To)
		}
		end = w.From
	}
	if want := at.AddDate(0, -2, 0).Add(-deepLook); !end.Equal(want) {
		t.Errorf("windows begin at %s, want %s", end, want)
	}
	if newest := plan.windows[0]; newest.To.Sub(newest.From) < deepLook {
		t.Errorf("the newest window, of %s, is no deep look", newest.To.Sub(newest.From))
	}
}

func TestPlanBackfill(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	plan, err := planBackfill(now.Add(-60*time.Hour), time.Time{}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := []provider.Window{{From: now.Add(-24 * time.Hour), To: now}, {From: now.Add(-48 * time.Hour), To: now.Add(-24 * time.Hour)}, {From: now.Add(-60 * time.Hour), To: now.Add(-48 * time.Hour)}}
	if diff := cmp.Diff(want, plan.windows); diff != "" || plan.origin != store.OriginBackfill {
		t.Errorf("%s windows (-want +got):\n%s", plan.origin, diff)
	}
	for name, from := range map[string]time.Time{"future": now.Add(time.Minute), "too long ago": now.AddDate(-1, 0, 0)} {
		if _, err := planBackfill(from, time.Time{}, now); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
