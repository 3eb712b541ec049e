package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"callweave/workflows"
)

// How an attempt of an activity ended, where it did not with one of the error types.
const (
	endedWell     = "ok"
	endedCanceled = "canceled"
	endedOtherly  = "other"
)

// Meters counts what activities do. Its labels are names from workflows/names.go, and no
// account's or org's.
type Meters struct {
	attempts, meetings, samples, quarantined, woven, minutes, badMinutes, refreshes metric.Int64Counter
	weaving                                                                         metric.Float64Histogram
}

// NewMeters makes the metrics.
func NewMeters(meter metric.Meter) (*Meters, error) {
	m := &Meters{}
	for _, one := range []struct {
		counter           *metric.Int64Counter
		name, unit, about string
	}{
		{&m.attempts, "callweave.activities", "{attempt}", "Attempts of activities, by activity and outcome: ok, canceled, an error type, or other"},
		{&m.meetings, "callweave.harvest.meetings", "{meeting}", "Meetings that were read, by origin (record, live)"},
		{&m.samples, "callweave.harvest.samples", "{sample}", "Media samples that came with them"},
		{&m.quarantined, "callweave.harvest.quarantined", "{meeting}", "Reads that ended in quarantine"},
		{&m.woven, "callweave.weave.meetings", "{meeting}", "Meetings that were woven, once per org"},
		{&m.minutes, "callweave.weave.minutes", "{minute}", "Call minutes that were woven"},
		{&m.badMinutes, "callweave.weave.bad_minutes", "{minute}", "Bad minutes among them"},
		{&m.refreshes, "callweave.refreshes", "{refresh}", "Refreshes of credentials, by verdict: ok, or what the provider said"},
	} {
		var err error
		if *one.counter, err = meter.Int64Counter(one.name, metric.WithUnit(one.unit), metric.WithDescription(one.about)); err != nil {
			return nil, fmt.Errorf("metric %s: %w", one.name, err)
		}
	}
	var err error
	m.weaving, err = meter.Float64Histogram("callweave.weave.duration", metric.WithUnit("s"),
		metric.WithDescription("How long a batch of weaving takes"),
		metric.WithExplicitBucketBoundaries(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120))
	if err != nil {
		return nil, fmt.Errorf("metric callweave.weave.duration: %w", err)
	}
	m.begin()
	return m, nil
}

// begin shows the counters at 0, without which the first event is no increase.
func (m *Meters) begin() {
	ctx := context.Background()
	for _, counter := range []metric.Int64Counter{m.samples, m.quarantined, m.woven, m.minutes, m.badMinutes} {
		counter.Add(ctx, 0)
	}
	m.meetings.Add(ctx, 0, origin("record"))
	m.refreshes.Add(ctx, 0, metric.WithAttributes(attribute.String("verdict", endedWell)))
	m.attempts.Add(ctx, 0, metric.WithAttributes(attribute.String("activity", workflows.CollectDevicesActivity), attribute.String("outcome", endedWell)))
}

// Refreshed counts a refresh of a credential that came to a verdict; "" is none.
func (m *Meters) Refreshed(ctx context.Context, verdict string) {
	m.refreshes.Add(ctx, 1, metric.WithAttributes(attribute.String("verdict", cmp.Or(verdict, endedWell))))
}

// Interceptor has a worker count its activities.
func (m *Meters) Interceptor() interceptor.WorkerInterceptor { return &metering{meters: m} }

type metering struct {
	interceptor.WorkerInterceptorBase
	meters *Meters
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (m *metering) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &metered{interceptor.ActivityInboundInterceptorBase{Next: next}, m.meters}
}

type metered struct {
	interceptor.ActivityInboundInterceptorBase
	meters *Meters
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (m *metered) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	began := time.Now()
	result, err := m.Next.ExecuteActivity(ctx, in)
	name := activity.GetInfo(ctx).ActivityType.Name
	m.meters.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("activity", name), attribute.String("outcome", outcomeOf(err))))
	if err == nil {
		m.meters.count(ctx, result, time.Since(began))
	}
	return result, err //nolint:wrapcheck // it is the activity's own
}

// outcomeOf is one of a few words, whatever an error says.
func outcomeOf(err error) string {
	if err == nil {
		return endedWell
	}
	if temporal.IsCanceledError(err) || errors.Is(err, context.Canceled) {
		return endedCanceled
	}
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	if !ok || !knownErrorType(failure.Type()) {
		return endedOtherly
	}
	return failure.Type()
}

func knownErrorType(name string) bool {
	switch name {
	case workflows.ErrRateLimited, workflows.ErrReauthorization, workflows.ErrMisconfigured, workflows.ErrNotFound, workflows.ErrMalformed,
		workflows.ErrTransient, workflows.ErrFenced, workflows.ErrInvalidInput, workflows.ErrRefused, workflows.ErrMissingScopes,
		workflows.ErrSuperseded, workflows.ErrNoGrant, workflows.ErrUnlinking:
		return true
	}
	return false
}

func (m *Meters) count(ctx context.Context, result any, took time.Duration) {
	switch r := result.(type) {
	case workflows.ReadMeetingsResult:
		m.meetings.Add(ctx, int64(r.Read), origin("record"))
		m.samples.Add(ctx, int64(r.MediaSamples))
		m.quarantined.Add(ctx, int64(r.Quarantined))
	case workflows.ReadLiveResult:
		m.meetings.Add(ctx, int64(r.Read), origin("live"))
		m.samples.Add(ctx, int64(r.MediaSamples))
	case workflows.WeaveResult:
		m.woven.Add(ctx, int64(r.Meetings))
		m.minutes.Add(ctx, int64(r.Minutes))
		m.badMinutes.Add(ctx, int64(r.BadMinutes))
		m.weaving.Record(ctx, took.Seconds())
	}
}

func origin(name string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("origin", name))
}
