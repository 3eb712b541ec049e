package temporalclient

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

const (
	// longestRound is after how long a round ends though nothing was waited for.
	longestRound = 10 * time.Minute
	// maxCauses bounds the links of a round to what asked for it.
	maxCauses = 8
)

// longRun traces a workflow that lives for days or months. A span is exported when it ends, and
// stores of traces drop what is old: a span that lasts as long as the workflow would be seen when
// nobody asks any more, and what the workflow did would miss its parent until then. So the run's
// span ends as soon as it began, as those of started activities do. What the workflow does when it
// has waited, or when longestRound has passed, is a trace of its own: a root span Round:TYPE, which
// is linked to the run and to the signals and updates that came meanwhile. CloseWorkflow:TYPE is
// how it ended. All have the workflow's id.
type longRun struct {
	interceptor.WorkflowInboundInterceptorBase

	tracer *tracer
	kind   string
	id     workflow.Execution

	begun  trace.Span             // of the run
	round  interceptor.TracerSpan // that things are done in; nil: in the run's own trace
	number int
	since  time.Time // when the round began
	waited bool      // since the last thing that was done
	causes []trace.Link
}

// newLongRun puts what the SDK traces between two parts of a longRun: before it the run's
// parent is decided, after it its span is there.
func newLongRun(ctx workflow.Context, t *tracer, base interceptor.WorkflowInboundInterceptorBase) interceptor.WorkflowInboundInterceptor {
	info := workflow.GetInfo(ctx)
	run := &longRun{WorkflowInboundInterceptorBase: base, tracer: t, kind: info.WorkflowType.Name, id: info.WorkflowExecution}
	traced := interceptor.NewTracingInterceptor(&longTracer{t, run}).InterceptWorkflow(ctx, run)
	return &continuedRun{rootedRun{interceptor.WorkflowInboundInterceptorBase{Next: traced}}}
}

// longTracer keeps the SDK from ending the span of a run.
type longTracer struct {
	*tracer
	run *longRun
}

// StartSpan implements [interceptor.Tracer].
func (t *longTracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	if o.Operation != runOperation {
		return t.tracer.StartSpan(o)
	}
	return t.startOnce(o, func(span trace.Span) trace.Span {
		t.run.begun = span
		return endless{span}
	})
}

// endless is a span that somebody else ends, or nobody: then it is not exported.
type endless struct{ trace.Span }

// End implements [trace.Span].
func (endless) End(...trace.SpanEndOption) {}

// continuedRun lets no run have the one before as a parent.
type continuedRun struct{ rootedRun }

// ExecuteWorkflow implements [interceptor.WorkflowInboundInterceptor].
func (c *continuedRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if workflow.GetInfo(ctx).ContinuedExecutionRunID != "" {
		delete(interceptor.WorkflowHeader(ctx), headerKey)
	}
	return c.rootedRun.ExecuteWorkflow(ctx, in)
}

// Init implements [interceptor.WorkflowInboundInterceptor].
func (r *longRun) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return r.Next.Init(&rounds{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, r}) //nolint:wrapcheck // it is the SDK's own
}

// ExecuteWorkflow implements [interceptor.WorkflowInboundInterceptor].
func (r *longRun) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	r.since = workflow.Now(ctx)
	if r.begun != nil && !workflow.IsReplaying(ctx) { // else whoever ran it before has told
		r.begun.SetAttributes(about(ctx)...)
		r.begun.End()
	}
	result, err := r.Next.ExecuteWorkflow(ctx, in)
	r.closed(ctx, err)
	return result, err //nolint:wrapcheck // it is the workflow's own
}

// HandleSignal implements [interceptor.WorkflowInboundInterceptor].
func (r *longRun) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	r.causedBy(ctx)
	return r.Next.HandleSignal(ctx, in) //nolint:wrapcheck // it is the workflow's own
}

// ExecuteUpdate implements [interceptor.WorkflowInboundInterceptor].
func (r *longRun) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	r.causedBy(ctx)
	return r.Next.ExecuteUpdate(ctx, in) //nolint:wrapcheck // it is the workflow's own
}

func (r *longRun) causedBy(ctx workflow.Context) {
	if span, ok := ctx.Value(spanKey{}).(trace.Span); ok && len(r.causes) < maxCauses && !workflow.IsReplaying(ctx) {
		r.causes = append(r.causes, trace.Link{SpanContext: span.SpanContext()})
	}
}

// in is the context that something is done in: of the round, unless it is done for an update.
func (r *longRun) in(ctx workflow.Context) workflow.Context {
	within, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok || r.begun == nil || !within.SpanContext().Equal(r.begun.SpanContext()) {
		return ctx
	}
	if now := workflow.Now(ctx); r.waited || now.Sub(r.since) > longestRound {
		r.waited, r.since = false, now
		r.begin(ctx)
	}
	if r.round == nil {
		return ctx
	}
	return workflow.WithValue(ctx, spanKey{}, r.round)
}

// begin begins a round. A worker that runs the workflow again from its history comes to the
// same span, and leaves it unended.
func (r *longRun) begin(ctx workflow.Context) {
	r.number++
	var begun trace.Span
	round, err := r.tracer.startOnce(&interceptor.TracerStartSpanOptions{
		Operation: "Round", Name: r.kind, IdempotencyKey: fmt.Sprintf("Round:%s:%d", r.id.RunID, r.number), Tags: r.tags(),
	}, func(span trace.Span) trace.Span {
		begun = span
		return endless{span}
	}, trace.WithLinks(append(r.causes, trace.Link{SpanContext: r.begun.SpanContext()})...))
	r.causes = nil
	if err != nil {
		workflow.GetLogger(ctx).Warn("a round is not traced", "error", err)
		return
	}
	r.round = round
	if !workflow.IsReplaying(ctx) {
		begun.SetAttributes(append(about(ctx), attribute.Int("round", r.number))...)
		begun.End()
	}
}

func (r *longRun) tags() map[string]string {
	return map[string]string{"temporalWorkflowID": r.id.ID, "temporalRunID": r.id.RunID}
}

// closed tells how the run ended.
func (r *longRun) closed(ctx workflow.Context, err error) {
	if workflow.IsReplaying(ctx) {
		return
	}
	if workflow.IsContinueAsNewError(err) {
		err = nil
	}
	inside := r.in(ctx)
	span, failed := r.tracer.StartSpan(&interceptor.TracerStartSpanOptions{
		Operation: "CloseWorkflow", Name: r.kind, Parent: inside.Value(spanKey{}), Tags: r.tags(),
	})
	if failed != nil {
		workflow.GetLogger(ctx).Warn("the end is not traced", "error", failed)
		return
	}
	span.Finish(&interceptor.TracerFinishSpanOptions{Error: err})
}

// rounds is what a workflow does, and when it waits.
type rounds struct {
	interceptor.WorkflowOutboundInterceptorBase
	run *longRun
}

// ExecuteActivity implements [interceptor.WorkflowOutboundInterceptor].
func (o *rounds) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return o.Next.ExecuteActivity(o.run.in(ctx), activityType, args...)
}

// ExecuteChildWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *rounds) ExecuteChildWorkflow(ctx workflow.Context, childWorkflowType string, args ...any) workflow.ChildWorkflowFuture {
	return o.Next.ExecuteChildWorkflow(o.run.in(ctx), childWorkflowType, args...)
}

// SignalExternalWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *rounds) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, signalName string, arg any) workflow.Future {
	return o.Next.SignalExternalWorkflow(o.run.in(ctx), workflowID, runID, signalName, arg)
}

// AwaitWithOptions implements [interceptor.WorkflowOutboundInterceptor].
func (o *rounds) AwaitWithOptions(ctx workflow.Context, options workflow.AwaitOptions, condition func() bool) (bool, error) {
	settled, err := o.Next.AwaitWithOptions(ctx, options, condition)
	o.run.waited = true
	return settled, err //nolint:wrapcheck // it is the SDK's own
}

// Sleep implements [interceptor.WorkflowOutboundInterceptor].
func (o *rounds) Sleep(ctx workflow.Context, d time.Duration) error {
	err := o.Next.Sleep(ctx, d)
	o.run.waited = true
	return err //nolint:wrapcheck // it is the SDK's own
}
