package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/provider"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	ctx := t.Context()
	at := func(hours int) time.Time { return seedStart.Add(time.Duration(hours) * time.Hour) }
	window := func(from, to int) provider.Window { return provider.Window{From: at(from), To: at(to)} }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() (hours [][2]int) {
		t.Helper()
		windows, _, err := s.OpenWindows(ctx, ref, 10)
		must(err)
		for _, w := range windows {
			hours = append(hours, [2]int{int(w.From.Sub(seedStart).Hours()), int(w.To.Sub(seedStart).Hours())})
		}
		return hours
	}
	if listed, err := s.LastListed(ctx, ref, 30*time.Hour); err != nil || listed != (Listed{}) {
		t.Errorf("an empty ledger was listed to %v, %v", listed, err)
	}
	must(s.PlanWindows(ctx, ref, OriginLive, []provider.Window{window(0, 24)}))
	must(s.PlanWindows(ctx, ref, OriginLive, []provider.Window{window(0, 24)}))
	must(s.WindowListed(ctx, ref, window(0, 24), 5))
	must(s.PlanWindows(ctx, ref, OriginLive, []provider.Window{window(22, 25)}))
	must(s.WindowFailed(ctx, ref, window(22, 25), "transient", false))
	must(s.PlanWindows(ctx, ref, OriginBackfill, []provider.Window{window(-48, -24)}))
	if diff := cmp.Diff([][2]int{{22, 25}, {-48, -24}}, open()); diff != "" {
		t.Errorf("open windows, newest first (-want +got):\n%s", diff)
	}
	must(s.PlanWindows(ctx, ref, OriginLive, []provider.Window{window(22, 30)}))
	if diff := cmp.Diff([][2]int{{22, 30}, {-48, -24}}, open()); diff != "" {
		t.Errorf("open windows after a longer one (-want +got):\n%s", diff)
	}
	for range maxWindowAttempts {
		must(s.WindowFailed(ctx, ref, window(-48, -24), "malformed", true))
	}
	if diff := cmp.Diff([][2]int{{22, 30}}, open()); diff != "" {
		t.Errorf("open windows after too many failures (-want +got):\n%s", diff)
	}
	must(s.PlanWindows(ctx, ref, OriginBackfill, []provider.Window{window(-48, -24)}))
	if len(open()) != 2 {
		t.Error("a window that is asked for again is not open")
	}

	must(s.WindowListed(ctx, ref, window(22, 30), 1))
	listed, err := s.LastListed(ctx, ref, 30*time.Hour)
	must(err)
	if !listed.From.Equal(at(0)) || !listed.To.Equal(at(30)) || !listed.Deep.Equal(at(24)) {
		t.Errorf("listed from %s to %s, deep to %s", listed.From, listed.To, listed.Deep)
	}
	must(s.PlanWindows(ctx, ref, OriginLive, []provider.Window{window(1, 31)}))
	must(s.WindowListed(ctx, ref, window(1, 31), 1))
	if listed, err = s.LastListed(ctx, ref, 30*time.Hour); err != nil || !listed.Deep.Equal(at(31)) {
		t.Errorf("deep to %s, %v", listed.Deep, err)
	}
	must(s.PruneWindows(ctx, ref, at(100)))
	if n := number(t, s, "select count(*) from windows where state = 'listed'"); n != 2 { // (0,24) says what (1,31) does not
		t.Errorf("%d listed windows are left, want 2", n)
	}
}

// A plan that goes on failing leaves no windows of earlier plans behind, however it is cut.
func TestPlanTakesThePlaceOfOnesNeverListed(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ref, _ := linkedAccount(t, s, "a", nil)
	at := func(hours int) time.Time { return seedStart.Add(time.Duration(hours) * time.Hour) }
	plan := func(cuts ...int) { // newest first
		t.Helper()
		var windows []provider.Window
		for i := range cuts[1:] {
			windows = append(windows, provider.Window{From: at(cuts[i+1]), To: at(cuts[i])})
		}
		if err := s.PlanWindows(t.Context(), ref, OriginLive, windows); err != nil {
			t.Fatal(err)
		}
	}
	plan(100, 52, 4, 0)
	plan(101, 53, 5, 0)
	plan(102, 54, 6, 0)
	open, _, err := s.OpenWindows(t.Context(), ref, 10)
	if err != nil || len(open) != 3 || !open[1].From.Equal(at(6)) {
		t.Errorf("open are %v, %v; want the last plan's three", open, err)
	}
	if listed, err := s.LastListed(t.Context(), ref, 30*time.Hour); err != nil || !listed.From.Equal(at(0)) || !listed.To.IsZero() || !listed.Deep.IsZero() {
		t.Errorf("the ledger is %+v, %v; want planned from the begin and never listed", listed, err)
	}
}
