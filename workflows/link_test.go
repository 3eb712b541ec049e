package workflows_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/workflows"
)

var linkInput = workflows.LinkInput{AccountRef: testRef, OrgID: testOrg}

// update sends an unlink and keeps its answer.
type update struct {
	result workflows.UnlinkResult
	err    error
	done   bool
}

func (u *update) callbacks() *testsuite.TestUpdateCallback {
	return &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { u.err = err },
		OnComplete: func(result any, err error) {
			u.done = true
			if u.err = err; err == nil {
				u.result, _ = result.(workflows.UnlinkResult)
			}
		},
	}
}

func statusOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	value, err := env.QueryWorkflow(workflows.StatusQuery)
	if err != nil {
		t.Fatal(err)
	}
	var state workflows.LinkState
	if err := value.Get(&state); err != nil {
		t.Fatal(err)
	}
	return state.Status
}

func TestLinkLivesAndUnlinks(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.batches, fake.last = 3, true
	env := fake.environment(t)
	startOptions(env, workflows.LinkID(testRef, testOrg))

	var first, second update
	env.RegisterDelayedCallback(func() {
		if got := statusOf(t, env); got != workflows.StatusActive {
			t.Errorf("status before unlinking = %q, want active", got)
		}
		// Two at once, and a third by signal: one erasure.
		env.UpdateWorkflow(workflows.UnlinkMessage, "first", first.callbacks(), workflows.Unlink{Reason: "admin"})
		env.UpdateWorkflow(workflows.UnlinkMessage, "second", second.callbacks(), workflows.Unlink{Reason: "operator"})
		env.SignalWorkflow(workflows.UnlinkMessage, workflows.Unlink{})
	}, time.Hour)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)

	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	want := workflows.UnlinkResult{DeboardID: workflows.DeboardID(testRef, testOrg), FencedAt: fake.receipt.FencedAt}
	for name, u := range map[string]update{"first": first, "second": second} {
		if !u.done || u.err != nil {
			t.Errorf("%s unlink: done %v, error %v", name, u.done, u.err)
		}
		if diff := cmp.Diff(want, u.result); diff != "" {
			t.Errorf("%s unlink (-want +got):\n%s", name, diff)
		}
	}
	if got := statusOf(t, env); got != workflows.StatusUnlinked {
		t.Errorf("status at the end = %q, want unlinked", got)
	}
	if got := fake.called(workflows.FinishErasureActivity); got != 1 {
		t.Errorf("erasures finished = %d, want 1", got)
	}
	if got := fake.called(workflows.RevokeGrantActivity); got != 1 {
		t.Errorf("revocations = %d, want 1", got)
	}
	// At the start, and every 15 minutes of the hour.
	if got := fake.called(workflows.EnsureHarvestActivity); got < 4 || got > 5 {
		t.Errorf("the harvest's schedule was seen to %d times in an hour, want 4 or 5", got)
	}
}

func TestLinkUnlinksBySignal(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	env := fake.environment(t)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.UnlinkMessage, workflows.Unlink{Reason: "operator"}) }, time.Minute)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if got := fake.called(workflows.FinishErasureActivity); got != 1 {
		t.Errorf("erasures finished = %d, want 1", got)
	}
}

// A failed credential shows as soon as somebody says so, and new ones end it.
func TestLinkShowsWhatTheRowSays(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	env := fake.environment(t)
	env.RegisterDelayedCallback(func() {
		fake.set(func(f *fakeLink) { f.row.Status, f.row.Errors = workflows.StatusFailed, []string{"link again"} })
		env.SignalWorkflow(workflows.RecheckMessage, nil)
	}, time.Minute)
	env.RegisterDelayedCallback(func() {
		if got := statusOf(t, env); got != workflows.StatusFailed {
			t.Errorf("status of a failed link = %q, want failed", got)
		}
		fake.set(func(f *fakeLink) { f.row.Status, f.row.Errors = workflows.StatusActive, nil })
		env.SignalWorkflow(workflows.ReauthorizedMessage, nil)
	}, 2*time.Minute)
	env.RegisterDelayedCallback(func() {
		if got := statusOf(t, env); got != workflows.StatusActive {
			t.Errorf("status after another authorization = %q, want active", got)
		}
		// A Deboard that an operator ran alone took the row.
		fake.set(func(f *fakeLink) { f.row = workflows.LinkCheck{} })
		env.SignalWorkflow(workflows.RecheckMessage, nil)
	}, 3*time.Minute)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if got := fake.called(workflows.FenceLinkActivity); got != 0 {
		t.Errorf("fences = %d, want none", got)
	}
}

// Whoever links again while the old link is being erased gets a living Link.
func TestLinkAgainDuringErasure(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.relink = true
	env := fake.environment(t)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.UnlinkMessage, workflows.Unlink{}) }, time.Minute)
	env.RegisterDelayedCallback(func() {
		if got := statusOf(t, env); got != workflows.StatusActive {
			t.Errorf("status of the new link = %q, want active", got)
		}
		fake.set(func(f *fakeLink) { f.row = workflows.LinkCheck{} })
		env.SignalWorkflow(workflows.RecheckMessage, nil)
	}, time.Hour)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if got := fake.called(workflows.FinishErasureActivity); got != 1 {
		t.Errorf("erasures finished = %d, want 1: the new link must not be erased", got)
	}
}

func TestLinkContinuesAsNew(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	env := fake.environment(t)
	env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 20*time.Minute)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)

	err := env.GetWorkflowError()
	if !workflow.IsContinueAsNewError(err) {
		t.Fatalf("error = %v, want continue-as-new", err)
	}
	if got := fake.called(workflows.FenceLinkActivity); got != 0 {
		t.Errorf("fences = %d, want none", got)
	}
}

// An unlink that was signalled is not lost to the next run.
func TestLinkContinuesAsNewAfterUnlink(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	env := fake.environment(t)
	env.SetContinueAsNewSuggested(true)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.UnlinkMessage, workflows.Unlink{}) }, 0)
	env.ExecuteWorkflow(workflows.LinkWorkflow, linkInput)
	if err := env.GetWorkflowError(); err != nil && !workflow.IsContinueAsNewError(err) {
		t.Fatal(err)
	}
	if got := fake.called(workflows.FinishErasureActivity); got != 1 {
		t.Errorf("erasures finished = %d, want 1", got)
	}
}

func TestLinkRefusesBadInput(t *testing.T) {
	t.Parallel()
	tests := map[string]any{
		"nothing":         map[string]any{},
		"no org":          map[string]any{"provider": "zoom", "account_id": "x"},
		"unknown service": map[string]any{"provider": "webex", "account_id": "x", "org_id": testOrg.String()},
		"no uuid":         map[string]any{"provider": "zoom", "account_id": "x", "org_id": "first floor"},
	}
	for name, input := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, workflowType := range []string{workflows.LinkWorkflow, workflows.DeboardWorkflow} {
				env := newFakeLink().environment(t)
				env.ExecuteWorkflow(workflowType, input)
				if err := env.GetWorkflowError(); err == nil {
					t.Errorf("%s: no error", workflowType)
				} else if name != "no uuid" && workflows.ErrorType(err) != workflows.ErrInvalidInput {
					t.Errorf("%s: error type %q, want %q: %v", workflowType, workflows.ErrorType(err), workflows.ErrInvalidInput, err)
				}
			}
		})
	}
}

func transient() error {
	return temporal.NewApplicationError("zoom is down", workflows.ErrTransient)
}
