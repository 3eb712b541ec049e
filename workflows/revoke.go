package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// tokenPending is the token outcome of a receipt whose grant is still to be revoked.
const tokenPending = "pending"

// Revoke ends an account's grant at the provider, asking for days where it must, and
// writes into the receipt what came of it. The grant is erased either way.
func Revoke(ctx workflow.Context, in RevokeInput) (RevokeResult, error) {
	if err := in.Validate(); err != nil {
		return RevokeResult{}, invalidInput(RevokeWorkflow, err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Revokes the grant of `%s` for receipt `%s`.", in.AccountRef, in.ReceiptID))
	var result RevokeResult
	err := workflow.ExecuteActivity(revoking(ctx, "Revoke the grant at the provider"), RevokeGrantActivity, in).Get(ctx, &result)
	if err == nil || temporal.IsCanceledError(err) {
		return result, err
	}
	workflow.GetLogger(ctx).Warn("revocation given up", "receipt_id", in.ReceiptID, "error_type", ErrorType(err))
	gaveUp := GaveUp{ReceiptID: in.ReceiptID, ErrorType: ErrorType(err)}
	err = workflow.ExecuteActivity(bookkeeping(ctx, "Erase the grant unrevoked"), GiveUpRevokeActivity, gaveUp).Get(ctx, &result)
	return result, err
}
