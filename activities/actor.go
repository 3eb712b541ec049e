package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"callweave/internal/store"
)

// NewActors returns the interceptor that has the audit log name the workflow for which
// an activity works.
func NewActors() interceptor.WorkerInterceptor { return &actors{} }

type actors struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*actors) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &acting{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type acting struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *acting) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	return a.Next.ExecuteActivity(store.WithActor(ctx, activity.GetInfo(ctx).WorkflowExecution.ID), in) //nolint:wrapcheck // it is the activity's own
}
