package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// revokeGrace is how long a Deboard whose erasure is done waits for the provider to
// confirm the revocation, so that its result can say so. The Revoke goes on regardless.
const revokeGrace = time.Minute

// Deboard erases everything that an org had of an account: it fences the link, stops
// what nothing needs any more, erases batch by batch, has the grant revoked if this was
// the account's last link, and closes the receipt only when no row is left. It is a child
// of Link; an operator may also start it alone. It may be stopped and begun again at any
// point: where it stands is in the database.
func Deboard(ctx workflow.Context, in DeboardInput) (DeboardResult, error) {
	if err := in.Validate(); err != nil {
		return DeboardResult{}, invalidInput(DeboardWorkflow, err)
	}
	if in.Reason == "" {
		in.Reason = "operator"
	}
	d := &deboard{in: in}
	return d.run(ctx)
}

type deboard struct {
	in     DeboardInput
	fence  Fenced
	rows   int64           // erased by this run
	revoke workflow.Future // nil where nothing is to be revoked
}

func (d *deboard) run(ctx workflow.Context) (DeboardResult, error) {
	if err := upsertLinkAttributes(ctx, d.in.AccountRef, d.in.OrgID); err != nil {
		return DeboardResult{}, err
	}
	d.show(ctx, "fencing")
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Fence the link"), FenceLinkActivity, d.in).Get(ctx, &d.fence)
	if err != nil {
		return DeboardResult{}, err
	}
	if d.fence.Finished {
		d.show(ctx, "erased before")
		return d.fence.Result, d.sweep(ctx) // this run is one more that names account and org
	}
	link := LinkInput{AccountRef: d.in.AccountRef, OrgID: d.in.OrgID}
	err = workflow.ExecuteActivity(bookkeeping(ctx, "Stop schedules that nothing needs"), StopSchedulesActivity, link).Get(ctx, nil)
	if err != nil {
		return DeboardResult{}, err
	}
	if err := d.startRevoke(ctx); err != nil {
		return DeboardResult{}, err
	}
	result, err := d.erase(ctx)
	if err != nil {
		return DeboardResult{}, err
	}
	d.awaitRevoke(ctx, &result)
	d.show(ctx, fmt.Sprintf("erased %d rows; token: %s", result.RowsErased, result.TokenOutcome))
	d.tellLink(ctx)
	return result, d.sweep(ctx)
}

// startRevoke hands the account's grant over to a Revoke, if the account goes: it may
// take days, which must not hold up the erasure.
func (d *deboard) startRevoke(ctx workflow.Context) error {
	var kept DeboardResult
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Keep the grant for its revocation"), KeepGrantActivity,
		ReceiptInput{ReceiptID: d.fence.ReceiptID}).Get(ctx, &kept)
	if err != nil || kept.TokenOutcome != tokenPending {
		return err
	}
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            RevokeID(d.in.AccountRef, d.fence.ReceiptID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         "Revoke our grant of " + d.in.AccountRef.String() + " at the provider",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			ProviderKey.ValueSet(string(d.in.Provider)), AccountIDKey.ValueSet(d.in.AccountID), OrgIDKey.ValueSet(d.in.OrgID.String())),
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), RevokeWorkflow,
		RevokeInput{AccountRef: d.in.AccountRef, ReceiptID: d.fence.ReceiptID})
	err = child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil // by the run before
	}
	d.revoke = child
	return err
}

// erase goes on until the receipt is closed.
func (d *deboard) erase(ctx workflow.Context) (DeboardResult, error) {
	receipt := ReceiptInput{ReceiptID: d.fence.ReceiptID}
	for {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return DeboardResult{}, workflow.NewContinueAsNewError(ctx, DeboardWorkflow, d.in)
		}
		var progress EraseProgress
		err := workflow.ExecuteActivity(erasing(ctx, "Erase rows"), EraseActivity, receipt).Get(ctx, &progress)
		if err != nil {
			return DeboardResult{}, err
		}
		d.rows += progress.Rows
		d.show(ctx, fmt.Sprintf("%d rows erased so far", d.rows))
		if progress.More {
			continue
		}
		var erased Erased
		err = workflow.ExecuteActivity(erasing(ctx, "Check that no row is left, destroy keys, close the receipt"), FinishErasureActivity, receipt).Get(ctx, &erased)
		if err != nil || erased.Done {
			return erased.Result, err
		}
	}
}

// awaitRevoke waits a little for the revocation and puts its outcome into the result.
func (d *deboard) awaitRevoke(ctx workflow.Context, result *DeboardResult) {
	if d.revoke == nil {
		return
	}
	d.show(ctx, "erased; waiting for the provider to revoke the token")
	settled, err := workflow.AwaitWithOptions(ctx,
		workflow.AwaitOptions{Timeout: revokeGrace, TimerOptions: workflow.TimerOptions{Summary: "The revocation may go on without us"}},
		d.revoke.IsReady)
	if err != nil || !settled {
		return
	}
	var revoked RevokeResult
	if d.revoke.Get(ctx, &revoked) == nil {
		result.TokenOutcome = revoked.TokenOutcome
	}
}

// tellLink has the Link look at its row, where it did not start us itself.
func (d *deboard) tellLink(ctx workflow.Context) {
	if workflow.GetInfo(ctx).ParentWorkflowExecution != nil {
		return
	}
	err := workflow.SignalExternalWorkflow(ctx, LinkID(d.in.AccountRef, d.in.OrgID), "", RecheckMessage, nil).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Debug("no link to tell of its erasure", "error", err)
	}
}

// sweep has the histories erased, ours among them, when all that is left has closed.
func (d *deboard) sweep(ctx workflow.Context) error {
	if workflow.GetVersion(ctx, changeSweep, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	// Not a child: a child's history names its parents.
	return workflow.ExecuteActivity(bookkeeping(ctx, "Have the histories erased"), StartSweepActivity,
		SweepInput{ReceiptID: d.fence.ReceiptID}).Get(ctx, nil)
}

func (d *deboard) show(ctx workflow.Context, progress string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Unlinks account `%s` from org `%s` (reason: %s).\n\n- **Progress:** %s\n- **Receipt:** `%s`\n",
		d.in.AccountRef, d.in.OrgID, d.in.Reason, progress, d.fence.ReceiptID))
}
