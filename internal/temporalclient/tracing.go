package temporalclient

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/telemetry"
)

// headerKey is where the SDK's tracing keeps the parent span of what is started.
const headerKey = "_tracer-data"

// What the server notes on a run of a schedule.
var (
	scheduledBy = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")
	scheduledAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
)

// tracing is the SDK's, but for two things. Each run of a schedule is a trace of its own: the
// SDK makes all of them, for years, children of the span that created the schedule. And the
// spans of workflows are the same ones whenever and wherever a workflow is run again from its
// history, so that what it did before keeps its parent.
type tracing struct{ interceptor.Interceptor }

func newTracing() (interceptor.Interceptor, error) {
	options := opentelemetry.TracerOptions{HeaderKey: headerKey}
	inner, err := opentelemetry.NewTracer(options)
	if err != nil {
		return nil, err //nolint:wrapcheck // the function that calls says what it was about
	}
	return &tracing{interceptor.NewTracingInterceptor(&tracer{inner, options})}, nil
}

// tracer starts spans.
type tracer struct {
	interceptor.Tracer
	options opentelemetry.TracerOptions
}

// StartSpan implements [interceptor.Tracer].
func (t *tracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if o.IdempotencyKey == "" {
		return t.Tracer.StartSpan(o) //nolint:wrapcheck // it is the SDK's own
	}
	keyed := t.options
	keyed.SpanStarter = func(ctx context.Context, with trace.Tracer, name string, opts ...trace.SpanStartOption) trace.Span {
		_, span := with.Start(telemetry.WithSpanKey(ctx, o.IdempotencyKey), name, opts...) //nolint:spancheck // the SDK ends it
		return span                                                                        //nolint:spancheck // as above
	}
	once, err := opentelemetry.NewTracer(keyed)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return once.StartSpan(o) //nolint:wrapcheck // as above
}

// GetLogger implements [interceptor.Tracer]: the ids have the names that they have in all our
// logs.
func (t *tracer) GetLogger(logger log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	span, ok := ref.(interface{ SpanContext() trace.SpanContext })
	if !ok {
		return logger
	}
	return log.With(logger, "trace_id", span.SpanContext().TraceID().String(), "span_id", span.SpanContext().SpanID().String())
}

// InterceptClient implements [interceptor.ClientInterceptor].
func (t *tracing) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &clientTracing{interceptor.ClientOutboundInterceptorBase{Next: t.Interceptor.InterceptClient(next)}, next}
}

type clientTracing struct {
	interceptor.ClientOutboundInterceptorBase
	untraced interceptor.ClientOutboundInterceptor
}

// CreateSchedule implements [interceptor.ClientOutboundInterceptor].
func (c *clientTracing) CreateSchedule(ctx context.Context, in *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	return c.untraced.CreateSchedule(ctx, in) //nolint:wrapcheck // it is the SDK's own
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (t *tracing) InterceptWorkflow(ctx workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	traced := t.Interceptor.InterceptWorkflow(ctx, &describedRun{interceptor.WorkflowInboundInterceptorBase{Next: next}})
	return &rootedRun{interceptor.WorkflowInboundInterceptorBase{Next: traced}}
}

// rootedRun lets no run of a schedule have a parent, also of schedules that were made by
// builds which gave them one.
type rootedRun struct {
	interceptor.WorkflowInboundInterceptorBase
}

// ExecuteWorkflow implements [interceptor.WorkflowInboundInterceptor].
func (r *rootedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if _, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(scheduledBy); ok {
		delete(interceptor.WorkflowHeader(ctx), headerKey)
	}
	return r.Next.ExecuteWorkflow(ctx, in) //nolint:wrapcheck // it is the workflow's own
}

// describedRun says on the span of a run which schedule it is of, and for when.
type describedRun struct {
	interceptor.WorkflowInboundInterceptorBase
}

// ExecuteWorkflow implements [interceptor.WorkflowInboundInterceptor].
func (d *describedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	attributes := workflow.GetTypedSearchAttributes(ctx)
	if id, ok := attributes.GetKeyword(scheduledBy); ok {
		span, _ := opentelemetry.SpanFromWorkflowContext(ctx)
		span.SetAttributes(attribute.String("temporalScheduleID", id))
		if at, ok := attributes.GetTime(scheduledAt); ok {
			span.SetAttributes(attribute.String("temporalScheduledTime", at.UTC().Format("2006-01-02T15:04:05Z")))
		}
	}
	return d.Next.ExecuteWorkflow(ctx, in) //nolint:wrapcheck // it is the workflow's own
}
