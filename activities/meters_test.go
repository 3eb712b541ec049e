package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"callweave/workflows"
)

// What activities come to is counted by type, never by text, and what they bring by what
// they return.
func TestActivitiesAreCounted(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	meters, err := NewMeters(metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{meters.Interceptor()}})
	var ends error
	env.RegisterActivityWithOptions(func(context.Context) (workflows.WeaveResult, error) {
		return workflows.WeaveResult{Meetings: 2, Minutes: 30, BadMinutes: 4}, ends
	}, activity.RegisterOptions{Name: workflows.WeaveActivity})
	env.RegisterActivityWithOptions(func(context.Context) (workflows.ReadMeetingsResult, error) {
		return workflows.ReadMeetingsResult{Read: 5, MediaSamples: 60, Quarantined: 1}, nil
	}, activity.RegisterOptions{Name: workflows.ReadMeetingsActivity})
	for _, ends = range []error{
		nil, temporal.NewApplicationError("about ann@example.com", workflows.ErrRateLimited), temporal.NewApplicationError("x", "ann@example.com"),
		errors.New("ann@example.com"), context.Canceled,
	} {
		if _, err := env.ExecuteActivity(workflows.WeaveActivity); (err == nil) != (ends == nil) {
			t.Fatal(err)
		}
	}
	if _, err := env.ExecuteActivity(workflows.ReadMeetingsActivity); err != nil {
		t.Fatal(err)
	}
	meters.Refreshed(t.Context(), "")
	meters.Refreshed(t.Context(), "revoked")

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &collected); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				got[m.Name+" "+p.Attributes.Encoded(attribute.DefaultEncoder())] = p.Value
			}
		case metricdata.Histogram[float64]:
			got[m.Name+" count"] = int64(data.DataPoints[0].Count)
		}
	}
	want := map[string]int64{
		"callweave.activities activity=Weave,outcome=ok": 1, "callweave.activities activity=Weave,outcome=rate_limited": 1,
		"callweave.activities activity=Weave,outcome=other": 2, "callweave.activities activity=Weave,outcome=canceled": 1,
		"callweave.activities activity=ReadMeetings,outcome=ok": 1, "callweave.activities activity=CollectDevices,outcome=ok": 0,
		"callweave.weave.meetings ": 2, "callweave.weave.minutes ": 30, "callweave.weave.bad_minutes ": 4, "callweave.weave.duration count": 1,
		"callweave.harvest.meetings origin=record": 5, "callweave.harvest.samples ": 60, "callweave.harvest.quarantined ": 1,
		"callweave.refreshes verdict=ok": 1, "callweave.refreshes verdict=revoked": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}
