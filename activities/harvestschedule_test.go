package activities

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/internal/provider"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/workflows"
)

// A schedule's backfill starts runs now for times that are past: each must plan for its
// own, whatever the clock says.
func TestBackfilledScheduleHarvestsItsNominalTimes(t *testing.T) {
	t.Parallel()
	temporal := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), temporal.Client, temporal.Namespace); err != nil {
		t.Fatal(err)
	}
	var (
		mu   sync.Mutex
		seen []time.Time
		done = make(chan struct{}, 10)
	)
	w := worker.New(temporal.Client, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	workflows.RegisterWorkflows(w)
	w.RegisterActivityWithOptions(func(_ context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, in.At)
		done <- struct{}{}
		return workflows.PlanHarvestResult{HeldBy: "the test"}, nil
	}, activity.RegisterOptions{Name: workflows.PlanActivity})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)

	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: "account"}
	schedule, err := temporal.Client.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: workflows.HarvestID(ref), Paused: true,
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.HarvestID(ref), Workflow: workflows.HarvestWorkflow, TaskQueue: workflows.TaskQueue,
			Args: []any{workflows.HarvestInput{AccountRef: ref}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	err = schedule.Backfill(t.Context(), client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{
		Start: from, End: from.Add(2 * time.Hour), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Fatal("the schedule started no harvest")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	slices.SortFunc(seen, time.Time.Compare)
	for i, at := range seen {
		if want := from.Add(time.Duration(i) * time.Hour); !at.Equal(want) && !at.Equal(want.Add(time.Hour)) {
			t.Errorf("run %d was for %s, want %s or an hour later", i, at, want)
		}
	}
}
