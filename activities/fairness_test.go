package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"callweave/internal/provider"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/workflows"
)

// fleetRuns are harvests of a fleet on a real Temporal.
type fleetRuns struct {
	t *testing.T
	testenv.TemporalNamespace
}

func newFleetRuns(t *testing.T) fleetRuns {
	t.Helper()
	r := fleetRuns{t, testenv.Temporal(t)}
	if err := temporalclient.RegisterSearchAttributes(t.Context(), r.Client, r.Namespace); err != nil {
		t.Fatal(err)
	}
	return r
}

// host starts a worker that ends with the test.
func (r fleetRuns) host(options worker.Options, register func(worker.Worker)) {
	r.t.Helper()
	options.DisableRegistrationAliasing = true
	w := worker.New(r.Client, workflows.TaskQueue, options)
	register(w)
	if err := w.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(w.Stop)
}

func (r fleetRuns) start(ref provider.AccountRef, suffix string) client.WorkflowRun {
	r.t.Helper()
	run, err := r.Client.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{
		ID: workflows.HarvestID(ref) + suffix, TaskQueue: workflows.TaskQueue, Priority: workflows.PriorityOf(ref.String()),
	}, workflows.HarvestWorkflow, workflows.HarvestInput{AccountRef: ref})
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

func (r fleetRuns) result(run client.WorkflowRun) (result workflows.HarvestResult) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), testenv.Patience)
	defer cancel()
	if err := run.Get(ctx, &result); err != nil {
		r.t.Fatalf("%s: %v", run.GetID(), err)
	}
	return result
}

// running reports whether a run has not ended, and how long its history is.
func (r fleetRuns) running(run client.WorkflowRun) (running bool, events int64) {
	r.t.Helper()
	found, err := r.Client.DescribeWorkflowExecution(r.t.Context(), run.GetID(), run.GetRunID())
	if err != nil {
		r.t.Fatal(err)
	}
	info := found.GetWorkflowExecutionInfo()
	return info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, info.GetHistoryLength()
}

// noWeaving takes the place of weaving where a test is about harvests.
func noWeaving(w worker.Worker) {
	w.RegisterActivityWithOptions(func(context.Context, workflows.WeaveInput) (workflows.WeaveResult, error) {
		return workflows.WeaveResult{}, nil
	}, activity.RegisterOptions{Name: workflows.WeaveActivity})
}

// slots counts the activities of every account that are at work at once.
type slots struct {
	interceptor.WorkerInterceptorBase

	mu        sync.Mutex
	busy, max map[string]int
}

type slot struct {
	interceptor.ActivityInboundInterceptorBase
	slots *slots
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (s *slots) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &slot{interceptor.ActivityInboundInterceptorBase{Next: next}, s}
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (s *slot) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	of := activity.GetInfo(ctx).WorkflowExecution.ID
	s.slots.count(of, 1)
	defer s.slots.count(of, -1)
	return s.Next.ExecuteActivity(ctx, in)
}

func (s *slots) count(of string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[of] += n
	s.max[of] = max(s.max[of], s.busy[of])
}

// One account gets no answer from the provider, another one has a day of meetings to be
// read: the small ones are done all the same, on a worker with three slots.
func TestOneAccountHoldsNoOther(t *testing.T) {
	t.Parallel()
	const small = 6
	f := newFleet(t, 2+small)
	hangs, large := f.refs[0], f.refs[1]
	f.hanging[hangs.AccountID] = true
	f.meet(large, 200)
	runs := newFleetRuns(t)
	used := &slots{busy: map[string]int{}, max: map[string]int{}}
	runs.host(worker.Options{MaxConcurrentActivityExecutionSize: 3, Interceptors: []interceptor.WorkerInterceptor{used}}, func(w worker.Worker) {
		workflows.RegisterWorkflows(w)
		Register(w, Set{Harvest: f.harvest})
		noWeaving(w)
	})

	hanging := runs.start(hangs, "")
	select {
	case <-f.hangs:
	case <-time.After(testenv.Patience):
		t.Fatal("the hanging account was never listed")
	}
	busy := runs.start(large, "")
	var others []client.WorkflowRun
	for _, ref := range f.refs[2:] {
		others = append(others, runs.start(ref, ""))
	}
	for n, run := range others {
		if result := runs.result(run); result.WindowsListed != 1 || result.Stopped != "" {
			t.Errorf("small account %d ended with %+v", n, result)
		}
	}
	if result := runs.result(busy); result.MeetingsRead != 200 || result.Stopped != "" {
		t.Errorf("the large account ended with %+v", result)
	}
	if running, _ := runs.running(hanging); !running {
		t.Error("the hanging account does not hang: nothing was shown")
	}
	if err := runs.Client.TerminateWorkflow(t.Context(), hanging.GetID(), "", "the test is over"); err != nil {
		t.Fatal(err)
	}
	used.mu.Lock()
	defer used.mu.Unlock()
	for of, most := range used.max {
		if most > 1 {
			t.Errorf("%s used %d slots at once", of, most)
		}
	}
}

// What one account piled up is not worked off before another one gets its turn: the server
// takes turns by fairness key. Without the keys the last to come would be the last to go.
func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	const pile = 20
	runs := newFleetRuns(t)
	many := provider.AccountRef{Provider: provider.Zoom, AccountID: "many"}
	one := provider.AccountRef{Provider: provider.Zoom, AccountID: "one"}
	// Workflow tasks first, so that all activities wait when somebody comes for them.
	runs.host(worker.Options{LocalActivityWorkerOnly: true}, func(w worker.Worker) { workflows.RegisterWorkflows(w) })
	var piled []client.WorkflowRun
	queue := func(ref provider.AccountRef, suffix string) client.WorkflowRun {
		run := runs.start(ref, suffix)
		testenv.Eventually(t, func() string {
			found, err := runs.Client.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
			if err != nil || len(found.GetPendingActivities()) == 0 {
				return "its activity is not waiting"
			}
			return ""
		})
		return run
	}
	for n := range pile {
		piled = append(piled, queue(many, fmt.Sprintf("/%d", n)))
	}
	piled = append(piled, queue(one, ""))

	var (
		mu    sync.Mutex
		order []string
	)
	runs.host(worker.Options{DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1, MaxConcurrentActivityTaskPollers: 1}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(func(_ context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, in.AccountID)
			return workflows.PlanHarvestResult{HeldBy: "the test"}, nil
		}, activity.RegisterOptions{Name: workflows.PlanActivity})
	})
	for _, run := range piled {
		runs.result(run)
	}
	if at := slices.Index(order, one.AccountID); at < 0 || at > pile/2 {
		t.Errorf("the other account's turn was number %d of %d", at+1, len(order))
	}
}

// A pass over many meetings has the history of a pass over few, and one over nothing new
// is the shortest there is: begun, one activity, completed.
func TestHistoryDoesNotGrowWithMeetings(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.meet(f.refs[1], 10)
	f.meet(f.refs[2], 300)
	runs := newFleetRuns(t)
	runs.host(worker.Options{}, func(w worker.Worker) {
		workflows.RegisterWorkflows(w)
		Register(w, Set{Harvest: f.harvest})
		noWeaving(w)
	})
	lengths := make([]int64, 3)
	for n, meetings := range []int{0, 10, 300} {
		run := runs.start(f.refs[n], "")
		if result := runs.result(run); result.MeetingsRead != meetings || result.Stopped != "" {
			t.Errorf("%d meetings: ended with %+v", meetings, result)
		}
		_, lengths[n] = runs.running(run)
	}
	// Somebody who starts a run by hand gives it no search attributes: it sets its own,
	// which takes three events.
	if lengths[0] > 11+3 || lengths[1] != lengths[2] {
		t.Errorf("histories of 0, 10 and 300 meetings have %v events", lengths)
	}
}
