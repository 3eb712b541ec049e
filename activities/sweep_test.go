package activities

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/secret"
	"callweave/internal/store/db"
	"callweave/workflows"
)

func TestIsRunOf(t *testing.T) {
	t.Parallel()
	const id = "harvest/zoom/AB/C-D=="
	for found, want := range map[string]bool{
		id:                             true,
		id + "-2026-11-23T05:56:29Z":   true,
		id + "/2026-11-01T00:00:00Z":   true,
		id + "x":                       false,
		id + "x-2026-11-23T05:56:29Z":  false,
		id + "-x-2026-11-23T05:56:29Z": false,
		id + "/":                       false,
		"harvest/zoom/AB":              false,
	} {
		if got := isRunOf(id, found); got != want {
			t.Errorf("isRunOf(%q) = %v, want %v", found, got, want)
		}
	}
}

// executions lists what Temporal has for a query, by id.
func (b *lifeBundle) executions(t *testing.T, query string) map[string]int {
	t.Helper()
	list, err := b.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, execution := range list.GetExecutions() {
		found[execution.GetExecution().GetWorkflowId()]++
	}
	return found
}

// awaitSwept waits until a receipt says that no history is left.
func (b *lifeBundle) awaitSwept(t *testing.T, receiptID uuid.UUID) db.Receipt {
	t.Helper()
	if err := b.temporal.GetWorkflow(t.Context(), workflows.SweepID(receiptID), "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	receipt, err := b.store.Receipt(t.Context(), receiptID)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.HistoriesErasedAt == nil || receipt.ExecutionsLeft == nil || *receipt.ExecutionsLeft != 0 || receipt.ExecutionsDeleted == 0 {
		t.Errorf("receipt: erased at %v, left %v, deleted %d", receipt.HistoriesErasedAt, receipt.ExecutionsLeft, receipt.ExecutionsDeleted)
	}
	return receipt
}

// The executions of an unlinked org go, those of the other org and of the account that it
// still uses stay; with the last link all of the account's go, those that an operator
// started under an id of their own, too.
func TestSweepTakesExactlyWhatWasErased(t *testing.T) {
	t.Parallel()
	b := setupLife(t)
	first, second := b.org(t), b.org(t)
	for _, org := range []uuid.UUID{first, second} {
		if got := b.authorize(t, org, b.code(t)); got.ErrorCode != "" {
			t.Fatalf("authorize = %+v", got)
		}
	}
	if got := b.authorize(t, first, secret.New("no code of Zoom's")); got.ErrorCode != workflows.CodeRejected {
		t.Fatalf("authorize with a wrong code = %+v", got)
	}
	// No harvest is hosted here: a run of one ends by hand. This one was typed by an operator.
	harvest, err := b.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.HarvestID(b.ref) + "/2026-11-01T00:00:00Z", TaskQueue: workflows.TaskQueue,
	}, workflows.HarvestWorkflow, workflows.HarvestInput{AccountRef: b.ref})
	if err != nil {
		t.Fatal(err)
	}
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): true, workflows.DevicesID(first): true, workflows.DevicesID(second): true})
	b.endRuns(t, "WorkflowType in ('Harvest', 'CollectDevices')")

	before := b.executions(t, "OrgId = '"+second.String()+"' or WorkflowType = 'Harvest'")
	receipt := b.awaitSwept(t, b.unlink(t, first).ReceiptID)
	if left := b.executions(t, "OrgId = '"+first.String()+"' or WorkflowId starts_with 'deboard/'"); len(left) > 0 {
		t.Errorf("executions of the unlinked org: %v", left)
	}
	if left := b.executions(t, "WorkflowType = 'Authorize'"); len(left) != 1 {
		t.Errorf("authorizations: %v, want the other org's", left)
	}
	if after := b.executions(t, "OrgId = '"+second.String()+"' or WorkflowType = 'Harvest'"); len(after) < len(before) {
		t.Errorf("executions of the other org and of the account: %v, before %v", after, before)
	}
	if key, destroyed, err := b.store.DataKey(t.Context(), receipt.KeysDestroyed[0]); key != nil || destroyed || err != nil {
		t.Errorf("the mark of a destroyed key is left: destroyed %v, %v", destroyed, err)
	}

	b.endRuns(t, "WorkflowType in ('Harvest', 'CollectDevices')")
	b.awaitSwept(t, b.unlink(t, second).ReceiptID)
	for _, query := range []string{
		"WorkflowType != 'Sweep'",
		"TemporalNamespaceDivision = 'TemporalScheduler'",
	} {
		if left := b.executions(t, query); len(left) > 0 {
			t.Errorf("executions after the last unlinking: %v", left)
		}
	}
	if _, err := b.temporal.DescribeWorkflowExecution(t.Context(), harvest.GetID(), harvest.GetRunID()); err == nil {
		t.Error("an operator's harvest is left")
	}
}

// Whoever links again in the middle keeps what is theirs.
func TestSweepSparesANewLink(t *testing.T) {
	t.Parallel()
	b := setupLife(t)
	org := b.org(t)
	if got := b.authorize(t, org, b.code(t)); got.ErrorCode != "" {
		t.Fatalf("authorize = %+v", got)
	}
	// The harvest that still runs holds the sweep up.
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): true, workflows.DevicesID(org): true})
	b.awaitRuns(t, "WorkflowType = 'Harvest' and ExecutionStatus = 'Running'")
	receiptID := b.unlink(t, org).ReceiptID
	erased := time.Now()
	if got := b.authorize(t, org, b.code(t)); got.ErrorCode != "" {
		t.Fatalf("authorize = %+v", got)
	}
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): true, workflows.DevicesID(org): true})
	b.endRuns(t, "WorkflowType in ('Harvest', 'CollectDevices')")
	b.awaitSwept(t, receiptID)
	if err := b.temporal.GetWorkflow(t.Context(), workflows.LinkID(b.ref, org), "").Get(shortly(t), nil); err == nil {
		t.Error("the new link's workflow has ended")
	}
	since := " and StartTime > '" + erased.UTC().Format(time.RFC3339Nano) + "'"
	for _, kind := range []string{"Link", "Authorize"} {
		if left := b.executions(t, "WorkflowType = '"+kind+"'"+since); len(left) != 1 {
			t.Errorf("executions of %s: %v, want the new link's", kind, left)
		}
	}
	b.awaitSchedules(t, map[string]bool{workflows.HarvestID(b.ref): true, workflows.DevicesID(org): true})
}
