package workflows_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"callweave/workflows"
)

var deboardInput = workflows.DeboardInput{AccountRef: testRef, OrgID: testOrg}

func TestDeboardAlone(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.batches = 3
	env := fake.environment(t)
	env.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var got workflows.DeboardResult
	if err := env.GetWorkflowResult(&got); err != nil {
		t.Fatal(err)
	}
	want := workflows.DeboardResult{ReceiptID: fake.receipt.ReceiptID, RowsErased: 301, TokenOutcome: "kept"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if told := fake.called(workflows.RecheckMessage); told != 1 {
		t.Errorf("the link was told %d times, want once", told)
	}
	if n := fake.called(workflows.RevokeGrantActivity); n != 0 {
		t.Errorf("revocations = %d, want none: another org needs the token", n)
	}

	// Once more: nothing is left to do, and the same receipt answers.
	again := fake.environment(t)
	again.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	if err := again.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := again.GetWorkflowResult(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result of the second run (-want +got):\n%s", diff)
	}
	if n := fake.called(workflows.FinishErasureActivity); n != 1 {
		t.Errorf("erasures finished = %d, want 1", n)
	}
	// Each run names account and org in its id, so each has the histories erased.
	if n := fake.called(workflows.StartSweepActivity); n != 2 {
		t.Errorf("sweeps started = %d, want 2", n)
	}
}

// The erasure goes on in another run where this one stopped.
func TestDeboardResumes(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.batches = 5
	env := fake.environment(t)
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		t.Fatalf("error = %v, want continue-as-new", err)
	}
	if fake.receipt.Finished {
		t.Fatal("the receipt is closed with rows left")
	}

	next := fake.environment(t)
	next.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	if err := next.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if !fake.receipt.Finished {
		t.Error("the receipt is open")
	}
}

// A provider that is down for days holds up neither the erasure nor Deboard.
func TestDeboardDoesNotWaitForTheProvider(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.last, fake.fail = true, transient()
	env := fake.environment(t)
	start := env.Now()
	env.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	took := env.Now().Sub(start)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var got workflows.DeboardResult
	if err := env.GetWorkflowResult(&got); err != nil {
		t.Fatal(err)
	}
	if got.TokenOutcome != "pending" || !fake.receipt.Finished {
		t.Errorf("token %q, receipt closed %v; want pending, closed", got.TokenOutcome, fake.receipt.Finished)
	}
	if took > time.Hour {
		t.Errorf("took %s, want minutes", took)
	}
}

func TestDeboardOfNoLink(t *testing.T) {
	t.Parallel()
	fake := newFakeLink()
	fake.row = workflows.LinkCheck{}
	env := fake.environment(t)
	env.ExecuteWorkflow(workflows.DeboardWorkflow, deboardInput)
	if got := workflows.ErrorType(env.GetWorkflowError()); got != workflows.ErrNotFound {
		t.Errorf("error type = %q, want %q", got, workflows.ErrNotFound)
	}
}

// The test environment stops retrying after ten attempts, which is within the hour here.
func TestRevoke(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fail     error
		mendedAt time.Duration // 0: never
		want     string
		gaveUp   int
	}{
		{"at once", nil, 0, "revoked", 0},
		{"after half an hour", transient(), 30 * time.Minute, "revoked", 0},
		{"with our client id mended after a while", temporal.NewApplicationError("invalid client", workflows.ErrMisconfigured), 10 * time.Minute, "revoked", 0},
		{"never", transient(), 0, "gave_up", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeLink()
			fake.fail = test.fail
			env := fake.environment(t)
			if test.mendedAt > 0 {
				env.RegisterDelayedCallback(func() { fake.set(func(f *fakeLink) { f.fail = nil }) }, test.mendedAt)
			}
			env.ExecuteWorkflow(workflows.RevokeWorkflow, workflows.RevokeInput{AccountRef: testRef, ReceiptID: testOrg})
			if err := env.GetWorkflowError(); err != nil {
				t.Fatal(err)
			}
			var got workflows.RevokeResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if got.TokenOutcome != test.want || fake.called(workflows.GiveUpRevokeActivity) != test.gaveUp {
				t.Errorf("outcome %q, given up %d times; want %q, %d", got.TokenOutcome, fake.called(workflows.GiveUpRevokeActivity), test.want, test.gaveUp)
			}
		})
	}
}
