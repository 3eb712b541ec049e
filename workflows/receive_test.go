package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/workflows"
)

// fakeInbox is an inbox in memory: events of meetings have even ids. Activities of the
// test environment run one at a time.
type fakeInbox struct {
	open     []int64 // ids, ascending
	batch    int
	broken   map[int64]bool // events that cannot be settled
	looks    int
	purges   int
	settled  []int64
	attempts map[int64]int
}

func (f *fakeInbox) read(_ context.Context, in workflows.InboxInput) (workflows.Inbox, error) {
	f.looks++
	batch := workflows.Inbox{Last: in.After}
	for _, id := range f.open {
		if id <= in.After {
			continue
		}
		if f.batch > 0 && id > in.After && len(batch.Deauthorizations) == f.batch {
			batch.More = true
			break
		}
		batch.Last = id
		if id%2 == 0 {
			batch.Meetings = true
		} else {
			batch.Deauthorizations = append(batch.Deauthorizations, id)
		}
	}
	return batch, nil
}

func (f *fakeInbox) settle(id int64) {
	f.settled = append(f.settled, id)
	for i, open := range f.open {
		if open == id {
			f.open = append(f.open[:i:i], f.open[i+1:]...)
			return
		}
	}
}

func (f *fakeInbox) trigger(_ context.Context, in workflows.TriggerInput) (workflows.TriggerResult, error) {
	for _, id := range append([]int64(nil), f.open...) {
		if id > in.After && id <= in.Last && id%2 == 0 {
			f.settle(id)
		}
	}
	return workflows.TriggerResult{Harvests: 1}, nil
}

func (f *fakeInbox) deauthorize(_ context.Context, in workflows.DeauthorizeInput) (workflows.DeauthorizeResult, error) {
	f.attempts[in.EventID]++
	if f.broken[in.EventID] {
		return workflows.DeauthorizeResult{}, temporal.NewApplicationError("the database is down", workflows.ErrTransient)
	}
	f.settle(in.EventID)
	if in.EventID%3 == 0 {
		return workflows.DeauthorizeResult{Outcome: "outdated"}, nil
	}
	return workflows.DeauthorizeResult{Outcome: "unlinked", Links: 2}, nil
}

func (f *fakeInbox) environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	f.attempts = map[int64]int{}
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	workflows.RegisterWorkflows(env)
	for name, function := range map[string]any{
		workflows.ReadInboxActivity:   f.read,
		workflows.TriggerActivity:     f.trigger,
		workflows.DeauthorizeActivity: f.deauthorize,
		workflows.PurgeInboxActivity:  func(context.Context) error { f.purges++; return nil },
	} {
		env.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	return env
}

func receiveResult(t *testing.T, env *testsuite.TestWorkflowEnvironment) workflows.ReceiveResult {
	t.Helper()
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var result workflows.ReceiveResult
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestReceive(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		inbox fakeInbox
		want  workflows.ReceiveResult
		left  []int64
		looks int
	}{
		"nothing":           {fakeInbox{}, workflows.ReceiveResult{}, nil, 1},
		"meetings only":     {fakeInbox{open: []int64{2, 4, 6}}, workflows.ReceiveResult{Harvests: 1}, nil, 1},
		"deauthorizations":  {fakeInbox{open: []int64{1, 3, 5}}, workflows.ReceiveResult{Unlinked: 4, Ignored: 1}, nil, 1},
		"both, in batches":  {fakeInbox{open: []int64{1, 2, 5, 6, 7, 8}, batch: 1}, workflows.ReceiveResult{Harvests: 3, Unlinked: 6}, nil, 4},
		"one cannot be now": {fakeInbox{open: []int64{1, 5, 6, 7}, broken: map[int64]bool{5: true}}, workflows.ReceiveResult{Harvests: 1, Unlinked: 4, Failed: 1}, []int64{5}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := test.inbox
			env := inbox.environment(t)
			env.ExecuteWorkflow(workflows.ReceiveWorkflow, workflows.ReceiveInput{})
			if diff := cmp.Diff(test.want, receiveResult(t, env)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if len(inbox.open) != len(test.left) || inbox.looks != test.looks || inbox.purges != 1 {
				t.Errorf("left %v after %d looks and %d purges, want %v after %d and one", inbox.open, inbox.looks, inbox.purges, test.left, test.looks)
			}
			for id := range inbox.broken {
				if got := inbox.attempts[id]; got != 3 {
					t.Errorf("event %d was tried %d times, want 3: the next run is near", id, got)
				}
			}
		})
	}
}

// What arrives while a run is at work is seen to by the same run.
func TestReceiveLooksAgain(t *testing.T) {
	t.Parallel()
	inbox := fakeInbox{open: []int64{1, 7}, broken: map[int64]bool{7: true}}
	env := inbox.environment(t)
	env.RegisterDelayedCallback(func() {
		inbox.open = append(inbox.open, 11)
		env.SignalWorkflow(workflows.ArrivedMessage, struct{}{})
	}, time.Second) // between the attempts at event 7
	env.ExecuteWorkflow(workflows.ReceiveWorkflow, workflows.ReceiveInput{})
	want := workflows.ReceiveResult{Unlinked: 4, Failed: 2}
	if diff := cmp.Diff(want, receiveResult(t, env)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if inbox.looks != 2 {
		t.Errorf("looked %d times, want twice", inbox.looks)
	}
}

func TestReceiveContinuesAsNew(t *testing.T) {
	t.Parallel()
	inbox := fakeInbox{open: []int64{1, 5, 7}, batch: 1}
	env := inbox.environment(t)
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(workflows.ReceiveWorkflow, workflows.ReceiveInput{})
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		t.Fatalf("error = %v, want continue-as-new", err)
	}
	if len(inbox.settled) != 1 {
		t.Errorf("%d events were seen to by a run whose history is full, want 1", len(inbox.settled))
	}
}

// A run that is told of more and more looks for it in a new history.
func TestReceiveThatIsToldOfMoreContinuesAsNew(t *testing.T) {
	t.Parallel()
	inbox := fakeInbox{open: []int64{7}, broken: map[int64]bool{7: true}}
	env := inbox.environment(t)
	env.SetContinueAsNewSuggested(true)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.ArrivedMessage, struct{}{}) }, time.Second)
	env.ExecuteWorkflow(workflows.ReceiveWorkflow, workflows.ReceiveInput{})
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		t.Errorf("after %d looks: error = %v, want continue-as-new", inbox.looks, err)
	}
}
