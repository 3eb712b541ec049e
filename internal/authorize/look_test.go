package authorize_test

import (
	"encoding/json"
	"errors"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/workflows"
)

func (b *bundle) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) number(t testing.TB, sql string, args ...any) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// runs reports whether a workflow is running.
func (b *bundle) runs(t testing.TB, id string) bool {
	t.Helper()
	found, err := b.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return found.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// status is the search attribute LinkStatus of a link's workflow.
func (b *bundle) status(t testing.TB, ref provider.AccountRef, o *org) string {
	t.Helper()
	found, err := b.temporal.DescribeWorkflow(t.Context(), workflows.LinkID(ref, o.id), "")
	if err != nil {
		t.Fatal(err)
	}
	status, _ := found.TypedSearchAttributes.GetKeyword(workflows.LinkStatusKey)
	return status
}

// await waits until a link's workflow shows a status.
func (b *bundle) await(t testing.TB, o *org, want string) {
	t.Helper()
	testenv.Eventually(t, func() string {
		if got := b.status(t, b.ref, o); got != want {
			return "LinkStatus of org " + o.id.String() + " is " + got + ", want " + want
		}
		return ""
	})
}

// harvest runs one pass as the schedule does, once no other pass holds the ledger.
func (b *bundle) harvest(t testing.TB) (result workflows.HarvestResult) {
	t.Helper()
	testenv.Eventually(t, func() string {
		run, err := b.temporal.ExecuteWorkflow(t.Context(),
			client.StartWorkflowOptions{ID: workflows.HarvestID(b.ref), TaskQueue: workflows.TaskQueue},
			workflows.HarvestWorkflow, workflows.HarvestInput{AccountRef: b.ref})
		if err != nil {
			t.Fatal(err)
		}
		result = workflows.HarvestResult{}
		if err := run.Get(t.Context(), &result); err != nil {
			t.Fatal(err)
		}
		if result.HeldBy != "" {
			return "the ledger is held by " + result.HeldBy
		}
		return ""
	})
	return result
}

// listed is a link as the API shows it.
type listed struct {
	AccountID           string   `json:"account_id"`
	LastStatus          string   `json:"last_status"`
	LastSync            int64    `json:"last_sync"`
	Error               string   `json:"error"`
	Errors              []string `json:"errors"`
	MissingScopes       []string `json:"missing_scopes"`
	MaxDailyAPIRequests int      `json:"max_daily_api_requests"`
	DiscardGuestInfo    bool     `json:"discard_guest_info"`
}

// show returns an org's one link.
func (b *bundle) show(t testing.TB, o *org) listed {
	t.Helper()
	got := b.call(t, o, "GET", accountsPath(o), "")
	var info struct {
		Accounts []listed `json:"accounts"`
	}
	if err := json.Unmarshal([]byte(got.body), &info); err != nil || len(info.Accounts) != 1 {
		t.Fatalf("want one account: %d %s (%v)", got.status, got.body, err)
	}
	return info.Accounts[0]
}

// eventually waits until something is so.
func (b *bundle) eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	testenv.Eventually(t, func() string {
		if !so() {
			return "it is not so that " + what
		}
		return ""
	})
}

// receipt is the one of the account.
func (b *bundle) receipt(t testing.TB) db.Receipt {
	t.Helper()
	rows, err := b.store.Receipts(t.Context(), store.ReadFilter{AccountID: b.ref.AccountID, Limit: 2})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d receipts, %v", len(rows), err)
	}
	return rows[0]
}

// attempts is how often a workflow's activity that is under way was tried.
func (b *bundle) attempts(t testing.TB, id string) int32 {
	t.Helper()
	found, err := b.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, pending := range found.GetPendingActivities() {
		return pending.GetAttempt()
	}
	return 0
}
