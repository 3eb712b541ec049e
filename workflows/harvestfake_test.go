package workflows

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
)

// fakeHarvest answers the activities of a harvest and remembers what they were asked.
type fakeHarvest struct {
	mu       sync.Mutex
	calls    map[string]int
	planned  PlanHarvestInput
	finished FinishHarvestInput

	plan   func() (PlanHarvestResult, error)
	list   func(call int) (ListMeetingsResult, error)
	read   func(call int) (ReadMeetingsResult, error)
	live   func() (ReadLiveResult, error)
	finish FinishHarvestResult
	weave  func(call int, in WeaveInput) (WeaveResult, error)
}

func (f *fakeHarvest) called(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[name]++
	return f.calls[name]
}

func (f *fakeHarvest) environment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	RegisterWorkflows(env)
	f.calls = map[string]int{}
	for name, function := range map[string]any{
		PlanActivity: func(_ context.Context, in PlanHarvestInput) (PlanHarvestResult, error) {
			f.called(PlanActivity)
			f.planned = in
			return f.plan()
		},
		ListMeetingsActivity: func(context.Context, ListMeetingsInput) (ListMeetingsResult, error) {
			return f.list(f.called(ListMeetingsActivity))
		},
		ReadMeetingsActivity: func(context.Context, ReadMeetingsInput) (ReadMeetingsResult, error) {
			return f.read(f.called(ReadMeetingsActivity))
		},
		ReadLiveActivity: func(context.Context, ReadLiveInput) (ReadLiveResult, error) {
			f.called(ReadLiveActivity)
			return f.live()
		},
		FinishHarvestActivity: func(_ context.Context, in FinishHarvestInput) (FinishHarvestResult, error) {
			f.called(FinishHarvestActivity)
			f.finished = in
			return f.finish, nil
		},
		WeaveActivity: func(_ context.Context, in WeaveInput) (WeaveResult, error) {
			return f.weave(f.called(WeaveActivity), in)
		},
	} {
		env.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	return env
}
