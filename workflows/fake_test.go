package workflows_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"callweave/internal/provider"
	"callweave/workflows"
)

// fakeLink is one link's row and receipt with the activities over them.
type fakeLink struct {
	mu                   sync.Mutex
	calls                map[string]int
	row                  workflows.LinkCheck
	batches              int   // of the erasure still to go
	fail                 error // of the next exchange or revocation
	last                 bool  // the link is the account's last
	outcome              string
	receipt              workflows.Fenced
	erased               int64
	kept                 bool // the code was exchanged
	failLate, failDisown error
	after                provider.AccountRef // linked though the workflow heard nothing of it
	relink               bool                // a new row takes the place of the erased one
}

func newFakeLink() *fakeLink {
	return &fakeLink{
		calls: map[string]int{},
		row:   workflows.LinkCheck{Exists: true, Status: workflows.StatusActive},
	}
}

func (f *fakeLink) called(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[name]
}

func (f *fakeLink) set(change func(*fakeLink)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// environment runs workflows in virtual time over the fake.
func (f *fakeLink) environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(20 * time.Second)
	workflows.RegisterWorkflows(env)
	for name, function := range map[string]any{
		workflows.ExchangeCodeActivity:  f.exchange,
		workflows.LandGrantActivity:     f.landGrant,
		workflows.RefuseActivity:        f.refuse,
		workflows.DisownActivity:        f.disown,
		workflows.ForgetGrantActivity:   func(context.Context, workflows.ForgottenGrant) error { return f.count(workflows.ForgetGrantActivity) },
		workflows.StartLinkActivity:     func(context.Context, workflows.LinkInput) error { return f.count(workflows.StartLinkActivity) },
		workflows.CheckLinkActivity:     f.check,
		workflows.EnsureHarvestActivity: func(context.Context, provider.AccountRef) error { return f.count(workflows.EnsureHarvestActivity) },
		workflows.EnsureDevicesActivity: func(context.Context, workflows.CollectDevicesInput) error {
			return f.count(workflows.EnsureDevicesActivity)
		},
		workflows.StopSchedulesActivity: func(context.Context, workflows.LinkInput) error { return f.count(workflows.StopSchedulesActivity) },
		workflows.FenceLinkActivity:     f.fence,
		workflows.KeepGrantActivity:     f.keepGrant,
		workflows.EraseActivity:         f.erase,
		workflows.FinishErasureActivity: f.finish,
		workflows.RevokeGrantActivity:   f.revoke,
		workflows.GiveUpRevokeActivity:  f.giveUp,
		workflows.StartSweepActivity:    func(context.Context, workflows.SweepInput) error { return f.count(workflows.StartSweepActivity) },
	} {
		env.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	env.OnSignalExternalWorkflow("default-test-namespace", workflows.LinkID(testRef, testOrg), "", workflows.RecheckMessage, nil).
		Return(func(string, string, string, string, any) error { return f.count(workflows.RecheckMessage) })
	return env
}

func (f *fakeLink) count(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[name]++
	return nil
}

func (f *fakeLink) exchange(context.Context, workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.ExchangeCodeActivity]++
	return workflows.AuthorizeResult{AccountRef: testRef, OrgID: testOrg}, f.fail
}

func (f *fakeLink) landGrant(context.Context, workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.LandGrantActivity]++
	if !f.kept {
		return workflows.AuthorizeResult{}, temporal.NewNonRetryableApplicationError("no grant", workflows.ErrNoGrant, nil)
	}
	return workflows.AuthorizeResult{AccountRef: testRef, OrgID: testOrg}, f.failLate
}

func (f *fakeLink) refuse(context.Context, workflows.Refusal) (workflows.Refused, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.RefuseActivity]++
	return workflows.Refused{Disown: f.kept, Account: f.after}, nil
}

func (f *fakeLink) disown(context.Context, workflows.AuthorizeInput) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.DisownActivity]++
	return f.failDisown
}

func (f *fakeLink) check(context.Context, workflows.LinkInput) (workflows.LinkCheck, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.CheckLinkActivity]++
	return f.row, nil
}

func (f *fakeLink) fence(_ context.Context, _ workflows.DeboardInput) (workflows.Fenced, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.FenceLinkActivity]++
	if !f.row.Exists && f.receipt.ReceiptID == uuid.Nil {
		return workflows.Fenced{}, temporal.NewNonRetryableApplicationError("no such link", workflows.ErrNotFound, nil)
	}
	if f.receipt.ReceiptID == uuid.Nil {
		f.receipt = workflows.Fenced{ReceiptID: uuid.New(), FencedAt: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	}
	if f.row.Exists {
		f.row.Status = workflows.StatusUnlinking
	}
	return f.receipt, nil
}

func (f *fakeLink) keepGrant(context.Context, workflows.ReceiptInput) (workflows.DeboardResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.KeepGrantActivity]++
	f.outcome = "kept"
	if f.last {
		f.outcome = "pending"
	}
	return workflows.DeboardResult{TokenOutcome: f.outcome}, nil
}

func (f *fakeLink) erase(context.Context, workflows.ReceiptInput) (workflows.EraseProgress, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.EraseActivity]++
	if f.batches == 0 {
		return workflows.EraseProgress{}, nil
	}
	f.batches--
	f.erased += 100
	return workflows.EraseProgress{Rows: 100, More: f.batches > 0}, nil
}

func (f *fakeLink) finish(context.Context, workflows.ReceiptInput) (workflows.Erased, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.FinishErasureActivity]++
	if f.batches > 0 {
		return workflows.Erased{}, nil
	}
	f.row = workflows.LinkCheck{}
	if f.relink {
		f.row = workflows.LinkCheck{Exists: true, Status: workflows.StatusActive}
	}
	f.receipt.Finished = true
	f.receipt.Result = workflows.DeboardResult{ReceiptID: f.receipt.ReceiptID, RowsErased: f.erased + 1, LastLink: f.last, TokenOutcome: f.outcome}
	return workflows.Erased{Done: true, Result: f.receipt.Result}, nil
}

func (f *fakeLink) revoke(context.Context, workflows.RevokeInput) (workflows.RevokeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[workflows.RevokeGrantActivity]++
	if f.fail != nil {
		return workflows.RevokeResult{}, f.fail
	}
	return workflows.RevokeResult{TokenOutcome: "revoked"}, nil
}

func (f *fakeLink) giveUp(context.Context, workflows.GaveUp) (workflows.RevokeResult, error) {
	return workflows.RevokeResult{TokenOutcome: "gave_up"}, f.count(workflows.GiveUpRevokeActivity)
}

// startOptions gives the workflow under test its id.
func startOptions(env *testsuite.TestWorkflowEnvironment, id string) {
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue})
}

var (
	testRef = provider.AccountRef{Provider: provider.Zoom, AccountID: "KkEM7orQSIWHZNFzwMLuRA"}
	testOrg = uuid.MustParse("8f4b1a52-6b3d-4d0e-9f0a-0d4a3c1d2e01")
)
