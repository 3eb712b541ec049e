package activities

import (
	"context"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"callweave/workflows"
)

// trouble fails one execution of an activity: before its work, or after it, so that the
// work is done and nobody knows.
type trouble struct {
	activity string
	after    bool
}

// troubles are the ones to come.
type troubles struct {
	interceptor.WorkerInterceptorBase
	mu      sync.Mutex
	waiting []trouble
}

func (t *troubles) add(next trouble) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, next)
}

func (t *troubles) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = nil
}

func (t *troubles) take(name string) (trouble, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, next := range t.waiting {
		if next.activity == name {
			t.waiting = append(t.waiting[:i:i], t.waiting[i+1:]...)
			return next, true
		}
	}
	return trouble{}, false
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (t *troubles) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &troubled{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, troubles: t}
}

type troubled struct {
	interceptor.ActivityInboundInterceptorBase
	troubles *troubles
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (t *troubled) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	met, trouble := t.troubles.take(activity.GetInfo(ctx).ActivityType.Name)
	failure := temporal.NewApplicationError("injected", workflows.ErrTransient)
	if trouble && !met.after {
		return nil, failure
	}
	result, err := t.Next.ExecuteActivity(ctx, in)
	if trouble && err == nil {
		return nil, failure
	}
	return result, err
}
