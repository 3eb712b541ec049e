package workflows_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/workflows"
)

// sealedValues plays a database of values in batches of two, and a program that goes on
// sealing with an old key for some passes.
type sealedValues struct {
	old, stubborn int // values under an older key; values that come back after each pass
	passes        int // for so many passes
	unreadable    int
	asked         []uint32
}

func (s *sealedValues) environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	workflows.RegisterWorkflows(env)
	for name, function := range map[string]any{
		workflows.CountSealedActivity: func(_ context.Context, in workflows.ResealInput) (workflows.SealedCount, error) {
			s.asked = append(s.asked, in.KeyID)
			return workflows.SealedCount{KeyID: 7, Left: int64(s.old + s.unreadable)}, nil
		},
		workflows.ResealBatchActivity: func(_ context.Context, in workflows.ResealBatch) (workflows.ResealedBatch, error) {
			s.asked = append(s.asked, in.KeyID)
			n := min(2, s.old)
			s.old -= n
			done := s.old == 0
			batch := workflows.ResealedBatch{Resealed: int64(n), Done: done, Next: workflows.ResealCursor{Place: in.At.Place + 1}}
			if done {
				batch.Unreadable = int64(s.unreadable)
				if s.passes > 0 {
					s.passes--
					s.old = s.stubborn
				}
			}
			return batch, nil
		},
		workflows.ResealRunsActivity: func(_ context.Context, _ workflows.ResealResult) (workflows.ResealedRuns, error) {
			return workflows.ResealedRuns{Schedules: 2, Links: 1}, nil
		},
	} {
		env.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	return env
}

func TestReseal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values sealedValues
		want   workflows.ResealResult
		wait   time.Duration
	}{
		"one pass":                {sealedValues{old: 5}, workflows.ResealResult{Resealed: 5, Passes: 1}, 0},
		"nothing to do":           {sealedValues{}, workflows.ResealResult{Passes: 1}, 0},
		"a program is late":       {sealedValues{old: 3, stubborn: 2, passes: 3}, workflows.ResealResult{Resealed: 9, Passes: 4}, 3 * time.Minute},
		"values that do not open": {sealedValues{old: 1, unreadable: 4}, workflows.ResealResult{Resealed: 1, Passes: 1, Left: 4, Unreadable: 4}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := test.values.environment(t)
			begun := env.Now()
			env.ExecuteWorkflow(workflows.ResealWorkflow, workflows.ResealInput{})
			var got workflows.ResealResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			test.want.KeyID, test.want.Schedules, test.want.Links = 7, 2, 1
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if waited := env.Now().Sub(begun); waited.Round(time.Second) != test.wait {
				t.Errorf("waited %s, want %s", waited, test.wait)
			}
			for _, id := range test.values.asked[1:] {
				if id != 7 {
					t.Errorf("asked to seal with key %d, want the one of the first answer", id)
				}
			}
			status, err := env.QueryWorkflow(workflows.StatusQuery)
			if err != nil {
				t.Fatal(err)
			}
			var shown workflows.ResealResult
			if err := status.Get(&shown); err != nil || shown != got {
				t.Errorf("status %+v, %v; want %+v", shown, err, got)
			}
		})
	}
}

// A link that is asked to begins its history anew, and stays the same link.
func TestLinkRenews(t *testing.T) {
	t.Parallel()
	env := newFakeLink().environment(t)
	begun := env.Now()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.RenewMessage, struct{}{}) }, time.Minute)
	env.ExecuteWorkflow(workflows.LinkWorkflow, workflows.LinkInput{AccountRef: testRef, OrgID: testOrg})
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		t.Errorf("ended with %v, want a new run", err)
	}
	if d := env.Now().Sub(begun); d > 2*time.Minute {
		t.Errorf("took %s", d)
	}
}
