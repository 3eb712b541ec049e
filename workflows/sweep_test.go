package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/workflows"
)

func sweepEnvironment(t *testing.T, left func(look int) int) (*testsuite.TestWorkflowEnvironment, *int) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	workflows.RegisterWorkflows(env)
	looks := 0
	env.RegisterActivityWithOptions(func(context.Context, workflows.SweepInput) (workflows.SweepResult, error) {
		looks++
		return workflows.SweepResult{Left: left(looks)}, nil
	}, activity.RegisterOptions{Name: workflows.SweepActivity})
	return env, &looks
}

// A revocation may hold an execution open for a week: the sweep waits, and looks seldom.
func TestSweepWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	env, looks := sweepEnvironment(t, func(look int) int { return max(0, 180-look) })
	start := env.Now()
	env.SetTestTimeout(time.Minute)
	env.ExecuteWorkflow(workflows.SweepWorkflow, workflows.SweepInput{ReceiptID: uuid.New()})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if waited := env.Now().Sub(start); *looks != 180 || waited < 6*24*time.Hour {
		t.Errorf("%d looks in %s, want 180 in more than six days", *looks, waited)
	}
}

func TestSweepContinuesAsNew(t *testing.T) {
	t.Parallel()
	env, _ := sweepEnvironment(t, func(int) int { return 1 })
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(workflows.SweepWorkflow, workflows.SweepInput{ReceiptID: uuid.New()})
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		t.Errorf("error = %v, want continue-as-new", err)
	}
}

func TestSweepRefusesBadInput(t *testing.T) {
	t.Parallel()
	env, looks := sweepEnvironment(t, func(int) int { return 0 })
	env.ExecuteWorkflow(workflows.SweepWorkflow, workflows.SweepInput{})
	if got := workflows.ErrorType(env.GetWorkflowError()); got != workflows.ErrInvalidInput || *looks != 0 {
		t.Errorf("error type = %q after %d looks, want %q after none", got, *looks, workflows.ErrInvalidInput)
	}
}
