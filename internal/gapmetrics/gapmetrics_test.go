package gapmetrics_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"callweave/internal/forecast"
	"callweave/internal/gapmetrics"
	"callweave/internal/store"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// ledger is a ledger with some gaps.
type ledger struct{ counted int }

func (l *ledger) GapCounts(context.Context) ([]store.GapCount, error) {
	l.counted++
	return []store.GapCount{
		{Kind: "window", State: "failed", Cause: "transient", Gaps: 2, Since: now.Add(-time.Hour)},
		{Kind: "window", State: "planned", Gaps: 3, Since: now.Add(-time.Minute)},
		{Kind: "meeting", State: store.MeetingQuarantined, Cause: "malformed", Gaps: 4, Since: now.Add(-2 * time.Hour)},
		{Kind: "meeting", State: store.MeetingGone, Cause: "not_found", Gaps: 1, Since: now.Add(-time.Minute)},
	}, nil
}

func (l *ledger) CountAllDue(context.Context, time.Time) (int, error) { return 7, nil }

func (l *ledger) TightBudgets(context.Context, time.Time, int) ([]store.Budget, error) {
	return []store.Budget{
		{Forecast: forecast.Forecast{Used: 0.9, ExhaustedAt: now.Add(time.Hour)}},
		{Forecast: forecast.Forecast{Used: 0.2}},
	}, nil
}

func TestGapsAreShown(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	l := &ledger{}
	if err := gapmetrics.Register(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), l, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"callweave.gaps cause=transient,kind=window": "2", "callweave.gaps cause=planned,kind=window": "3",
		"callweave.gaps cause=malformed,kind=meeting": "4", "callweave.gaps cause=not_found,kind=meeting": "1",
		"callweave.gaps.oldest.age kind=window": "3600", "callweave.gaps.oldest.age kind=meeting": "7200",
		"callweave.meetings.due ": "7", "callweave.meetings.quarantined ": "5",
		"callweave.budget.exhausted ": "1", "callweave.budget.used ": "0.9", "callweave.budget.exhaustion ": "3600",
	}
	for range 2 {
		var collected metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &collected); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, m := range collected.ScopeMetrics[0].Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = strconv.FormatInt(p.Value, 10)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = fmt.Sprint(p.Value)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	}
	if l.counted != 1 {
		t.Errorf("two scrapes at once counted %d times", l.counted)
	}
}
