package workflows

import (
	"fmt"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/provider"
)

// Why an authorization came to nothing, for whoever sent the administrator to us. The
// codes are part of the HTTP contract.
const (
	CodeRejected            = "authorization_rejected" // the provider did not accept the code: begin again
	CodeProviderUnavailable = "provider_unavailable"
	CodeMisconfigured       = "misconfigured"  // ours to mend
	CodeUnlinking           = "unlinking"      // the earlier link is still being erased
	CodeGone                = "expired"        // there is no such authorization any more
	CodeMissingScopes       = "missing_scopes" // the grant does not even say whose it is
	CodeSuperseded          = "superseded"     // another authorization of the account came after
	CodeAppDisabled         = "app_disabled"   // the account's administrator does not allow the app
)

// Authorize turns an authorization code into a link: it exchanges the code, stores the
// credential and the link's row, and sets the Link workflow going. It either links or
// gives a reason; nothing is left half-linked.
func Authorize(ctx workflow.Context, in AuthorizeInput) (AuthorizeResult, error) {
	if err := in.Validate(); err != nil {
		return AuthorizeResult{}, invalidInput(AuthorizeWorkflow, err)
	}
	var linked AuthorizeResult
	err := workflow.ExecuteActivity(authorizing(ctx, "Exchange the code"), ExchangeCodeActivity, in).Get(ctx, &linked)
	if err != nil && keepsGrant(ctx) {
		linked, err = landLate(ctx, in, err)
	}
	if err != nil {
		if linked, err = refuse(ctx, in, err); err != nil {
			return AuthorizeResult{}, err
		}
	}
	if linked.ErrorCode != "" { // refused before
		return linked, ofOrg(ctx, linked.OrgID)
	}
	if err := upsertLinkAttributes(ctx, linked.AccountRef, linked.OrgID); err != nil {
		return AuthorizeResult{}, err
	}
	link := LinkInput{AccountRef: linked.AccountRef, OrgID: linked.OrgID}
	err = workflow.ExecuteActivity(bookkeeping(ctx, "Start the link"), StartLinkActivity, link).Get(ctx, nil)
	if err != nil {
		return AuthorizeResult{}, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Account `%s` is linked to org `%s`: see workflow `%s`.",
		linked.AccountRef, linked.OrgID, LinkID(linked.AccountRef, linked.OrgID)))
	return linked, nil
}

// keepsGrant is for what fails only, so that an authorization that works costs no more.
func keepsGrant(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, changeKeepGrant, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// landLate goes on after a trouble of the moment where the code was exchanged already: an
// exchange ends the account's earlier grant, so this one is what all its links live by.
// It returns the first cause where there is no grant.
func landLate(ctx workflow.Context, in AuthorizeInput, cause error) (linked AuthorizeResult, err error) {
	switch ErrorType(cause) {
	case ErrTransient, ErrRateLimited, ErrMalformed:
	default:
		return linked, cause
	}
	workflow.SetCurrentDetails(ctx, "The code was exchanged; asking the provider whose grant it is.")
	err = workflow.ExecuteActivity(landing(ctx, "Ask on whose grant it is"), LandGrantActivity, in).Get(ctx, &linked)
	if ErrorType(err) == ErrNoGrant {
		return linked, cause
	}
	return linked, err
}

// refuse ends the authorization with the reason, erases its secrets, and has a grant that
// no link came of revoked.
func refuse(ctx workflow.Context, in AuthorizeInput, cause error) (AuthorizeResult, error) {
	refusal := Refusal{AuthorizationID: in.AuthorizationID, ErrorCode: refusalCode(cause)}
	workflow.GetLogger(ctx).Info("authorization refused", "authorization_id", in.AuthorizationID, "error_code", refusal.ErrorCode)
	var refused Refused
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Refuse: "+refusal.ErrorCode), RefuseActivity, refusal).Get(ctx, &refused)
	if err != nil {
		return AuthorizeResult{}, err
	}
	if keepsGrant(ctx) {
		if refused.Account.AccountID != "" { // an attempt that was given up had landed
			return AuthorizeResult{AccountRef: refused.Account, OrgID: refused.OrgID}, nil
		}
		if refused.Disown {
			if err := disown(ctx, in); err != nil {
				return AuthorizeResult{}, err
			}
		}
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Refused: `%s`.", refusal.ErrorCode))
	return AuthorizeResult{OrgID: refused.OrgID, ErrorCode: refusal.ErrorCode}, nil
}

// disown starts the revocation, which may take days and outlives us.
func disown(ctx workflow.Context, in AuthorizeInput) error {
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            DisownID(in.AuthorizationID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         "Revoke a grant that no link came of",
	}
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), DisownWorkflow, in).GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// ofOrg makes an attempt that came to nothing findable by its org, where that is known.
func ofOrg(ctx workflow.Context, org uuid.UUID) error {
	if org == uuid.Nil {
		return nil
	}
	return findable(ctx, OrgIDKey, org.String())
}

func refusalCode(cause error) string {
	switch ErrorType(cause) {
	case ErrReauthorization:
		if DetailsOf(cause).Verdict == provider.VerdictAppDisabled {
			return CodeAppDisabled
		}
		return CodeRejected
	case ErrRefused:
		return CodeRejected
	case ErrMisconfigured:
		return CodeMisconfigured
	case ErrUnlinking:
		return CodeUnlinking
	case ErrNotFound:
		return CodeGone
	case ErrMissingScopes:
		return CodeMissingScopes
	case ErrSuperseded:
		return CodeSuperseded
	}
	return CodeProviderUnavailable
}

// upsertLinkAttributes makes a workflow findable by provider, account and org.
func upsertLinkAttributes(ctx workflow.Context, ref provider.AccountRef, org fmt.Stringer) error {
	return workflow.UpsertTypedSearchAttributes(ctx,
		ProviderKey.ValueSet(string(ref.Provider)), AccountIDKey.ValueSet(ref.AccountID), OrgIDKey.ValueSet(org.String()))
}
