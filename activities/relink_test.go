package activities

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/internal/testenv"
	"callweave/workflows"
)

// Another authorization of an account ends the tokens of the pass that is under way, which
// stops. The next one comes at once with the new tokens, and not with the schedule's next
// time: whoever linked looks for data now. An operator's pause stands.
func TestNewTokensAreHarvestedWithAtOnce(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan time.Time, 10), make(chan struct{}, 10)
	b := setupLife(t, func(registry worker.ActivityRegistry) {
		registry.RegisterActivityWithOptions(func(ctx context.Context, _ workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
			began <- time.Now()
			select {
			case <-goOn:
			case <-ctx.Done():
			}
			return workflows.PlanHarvestResult{Ended: true, Stopped: workflows.Stop{Type: workflows.ErrReauthorization}}, nil
		}, activity.RegisterOptions{Name: workflows.PlanActivity})
	})
	link := func(org uuid.UUID) {
		t.Helper()
		if got := b.authorize(t, org, b.code(t)); got.ErrorCode != "" {
			t.Fatalf("authorize = %+v", got)
		}
	}
	pass := func(which string) {
		t.Helper()
		select {
		case <-began:
		case <-time.After(testenv.Patience):
			t.Fatalf("no pass %s", which)
		}
	}
	link(b.org(t))
	pass("of the first link")
	link(b.org(t)) // within the first pass
	link(b.org(t))
	goOn <- struct{}{}
	pass("with the new tokens")
	goOn <- struct{}{}

	schedule := b.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HarvestID(b.ref))
	passes := func() int {
		t.Helper()
		described, err := schedule.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return described.Info.NumActions
	}
	if err := schedule.Pause(t.Context(), client.SchedulePauseOptions{Note: "not now"}); err != nil {
		t.Fatal(err)
	}
	before := passes()
	link(b.org(t))
	if after := passes(); after != before {
		t.Errorf("%d passes of a paused schedule", after-before)
	}
	if err := schedule.Unpause(t.Context(), client.ScheduleUnpauseOptions{}); err != nil {
		t.Fatal(err)
	}
	link(b.org(t))
	pass("once it goes on")
	goOn <- struct{}{}

	// An account whose last pass went well costs no more requests for one more org.
	testenv.Eventually(t, func() string {
		described, err := schedule.Describe(t.Context())
		if err != nil || len(described.Info.RunningWorkflows) > 0 {
			return fmt.Sprintf("a pass still runs: %v", err)
		}
		return ""
	})
	if _, err := b.store.LinksSynced(t.Context(), b.ref, time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	before = passes()
	link(b.org(t))
	if after := passes(); after != before {
		t.Errorf("%d passes of an account that is up to date", after-before)
	}
}
