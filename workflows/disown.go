package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Disown ends a grant at the provider that no link came of, asking for days where it must,
// and erases it.
func Disown(ctx workflow.Context, in AuthorizeInput) error {
	if err := in.Validate(); err != nil {
		return invalidInput(DisownWorkflow, err)
	}
	err := workflow.ExecuteActivity(revoking(ctx, "Revoke the grant at the provider"), DisownActivity, in).Get(ctx, nil)
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	workflow.GetLogger(ctx).Warn("revocation given up", "authorization_id", in.AuthorizationID, "error_type", ErrorType(err))
	return workflow.ExecuteActivity(bookkeeping(ctx, "Erase the grant unrevoked"), ForgetGrantActivity,
		ForgottenGrant{AuthorizationID: in.AuthorizationID, ErrorType: ErrorType(err)}).Get(ctx, nil)
}
