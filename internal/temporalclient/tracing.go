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
	"callweave/workflows"
)

// headerKey is where the SDK's tracing keeps the parent span of what is started.
const headerKey = "_tracer-data"

// What the server notes on a run of a schedule.
var (
	scheduledBy = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")
	scheduledAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
)

// runOperation is what the SDK calls the run of a workflow.
const runOperation = "RunWorkflow"

// spanKey is where the SDK's tracing keeps spans in the contexts of workflows.
type spanKey struct{}

// tracing is the SDK's, but for three things. Each run of a schedule is a trace of its own: the
// SDK makes all of them, for years, children of the span that created the schedule. The
// spans of workflows are the same ones whenever and wherever a workflow is run again from its
// history, so that what it did before keeps its parent. And a workflow that lives for long is
// seen while it lives, see [longRun].
type tracing struct {
	interceptor.Interceptor
	tracer *tracer
}

func newTracing() (interceptor.Interceptor, error) {
	options := opentelemetry.TracerOptions{HeaderKey: headerKey, SpanContextKey: spanKey{}}
	inner, err := opentelemetry.NewTracer(options)
	if err != nil {
		return nil, err //nolint:wrapcheck // the function that calls says what it was about
	}
	t := &tracer{inner, options}
	return &tracing{interceptor.NewTracingInterceptor(t), t}, nil
}

// tracer starts spans.
type tracer struct {
	interceptor.Tracer
	options opentelemetry.TracerOptions
}

// StartSpan implements [interceptor.Tracer]. The SDK's keys for signals and updates are those of
// others when a workflow was run again, because it counts those only that it traces.
func (t *tracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if o.IdempotencyKey == "" || o.Operation != runOperation {
		return t.Tracer.StartSpan(o) //nolint:wrapcheck // it is the SDK's own
	}
	return t.startOnce(o, func(span trace.Span) trace.Span { return span })
}

// startOnce starts the span of a key, made what the SDK is to end, with more options.
func (t *tracer) startOnce(o *interceptor.TracerStartSpanOptions, as func(trace.Span) trace.Span, more ...trace.SpanStartOption) (interceptor.TracerSpan, error) {
	keyed := t.options
	keyed.SpanStarter = func(ctx context.Context, with trace.Tracer, name string, opts ...trace.SpanStartOption) trace.Span {
		_, span := with.Start(telemetry.WithSpanKey(ctx, o.IdempotencyKey), name, append(opts, more...)...) //nolint:spancheck // the SDK ends it
		return as(span)                                                                                     //nolint:spancheck // as above
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
	base := interceptor.WorkflowInboundInterceptorBase{Next: next}
	if workflows.LivesLong(workflow.GetInfo(ctx).WorkflowType.Name) {
		return newLongRun(ctx, t.tracer, base)
	}
	return &rootedRun{interceptor.WorkflowInboundInterceptorBase{Next: t.Interceptor.InterceptWorkflow(ctx, &describedRun{base})}}
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

// describedRun says on the span of a run what it is about, and of a schedule's run which
// schedule it is of, and for when.
type describedRun struct {
	interceptor.WorkflowInboundInterceptorBase
}

// ExecuteWorkflow implements [interceptor.WorkflowInboundInterceptor].
func (d *describedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if span, ok := ctx.Value(spanKey{}).(trace.Span); ok {
		span.SetAttributes(about(ctx)...)
	}
	return d.Next.ExecuteWorkflow(ctx, in) //nolint:wrapcheck // it is the workflow's own
}

// about is what searches for executions know of one, under the same names.
func about(ctx workflow.Context) []attribute.KeyValue {
	var all []attribute.KeyValue
	known := workflow.GetTypedSearchAttributes(ctx)
	for _, key := range []temporal.SearchAttributeKeyKeyword{workflows.AccountIDKey, workflows.OrgIDKey} {
		if value, ok := known.GetKeyword(key); ok {
			all = append(all, attribute.String(key.GetName(), value))
		}
	}
	if id, ok := known.GetKeyword(scheduledBy); ok {
		all = append(all, attribute.String("temporalScheduleID", id))
		if at, ok := known.GetTime(scheduledAt); ok {
			all = append(all, attribute.String("temporalScheduledTime", at.UTC().Format("2006-01-02T15:04:05Z")))
		}
	}
	return all
}
