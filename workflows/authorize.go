package workflows

import (
	"fmt"

	"github.com/google/uuid"
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
	if err != nil {
		return refuse(ctx, in, err)
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

// refuse ends the authorization with the reason, and erases its secrets.
func refuse(ctx workflow.Context, in AuthorizeInput, cause error) (AuthorizeResult, error) {
	refusal := Refusal{AuthorizationID: in.AuthorizationID, ErrorCode: refusalCode(cause)}
	workflow.GetLogger(ctx).Info("authorization refused", "authorization_id", in.AuthorizationID, "error_code", refusal.ErrorCode)
	var refused Refused
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Refuse: "+refusal.ErrorCode), RefuseActivity, refusal).Get(ctx, &refused)
	if err != nil {
		return AuthorizeResult{}, err
	}
	if err := ofOrg(ctx, refused.OrgID); err != nil {
		return AuthorizeResult{}, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Refused: `%s`.", refusal.ErrorCode))
	return AuthorizeResult{ErrorCode: refusal.ErrorCode}, nil
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
