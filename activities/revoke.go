package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// accessSlack is how long an access token must still be good to be revoked with.
const accessSlack = time.Minute

// RevokeGrant ends the grant that a receipt waits for at the provider. It is revoked by
// its access token, so one that expired is refreshed first, and the new pair is kept
// before it is used. Every failure may be tried again, our own misconfiguration too:
// it is mended while the workflow waits.
func (e *Erasure) RevokeGrant(ctx context.Context, in workflows.RevokeInput) (workflows.RevokeResult, error) {
	outcome, evidence, err := e.revoke(ctx, in)
	if errors.Is(err, store.ErrNotFound) {
		return e.outcome(ctx, in) // settled before, or another authorization ended it
	}
	if err != nil {
		return workflows.RevokeResult{}, tryAgain(err)
	}
	if err := e.Store.SettleRevocation(ctx, in.ReceiptID, outcome, evidence); err != nil {
		return workflows.RevokeResult{}, tryAgain(err)
	}
	return e.outcome(ctx, in) // not ours, where another authorization ended it meanwhile
}

// GiveUpRevocation erases a grant that the provider was asked in vain to end, and says
// so in the receipt.
func (e *Erasure) GiveUpRevocation(ctx context.Context, in workflows.GaveUp) (workflows.RevokeResult, error) {
	err := e.Store.SettleRevocation(ctx, in.ReceiptID, store.TokenGaveUp, "last error: "+in.ErrorType)
	return workflows.RevokeResult{TokenOutcome: store.TokenGaveUp}, toApplicationError(err)
}

func (e *Erasure) revoke(ctx context.Context, in workflows.RevokeInput) (outcome, evidence string, err error) {
	service, err := e.Credentials.Service(in.Provider)
	if err != nil {
		return "", "", err
	}
	revocation, err := e.Store.Revocation(ctx, in.ReceiptID)
	if err != nil {
		return "", "", err
	}
	grant, err := credentials.OpenInTransit(e.Vault.Master(), revocation.GrantSealed)
	if err != nil {
		return "", "", err
	}
	return revoke(ctx, service, grant, func(sealed []byte) error {
		return e.Store.RotateRevocation(ctx, in.ReceiptID, sealed)
	}, e.Vault.Master())
}

// revoke ends a grant at the provider. Where it must be refreshed for that, keep keeps what
// it was refreshed to.
func revoke(ctx context.Context, service provider.Service, grant provider.Grant, keep func(sealed []byte) error, master *vault.Master) (outcome, evidence string, err error) {
	if time.Now().Add(accessSlack).After(grant.ExpiresAt) {
		if grant, err = service.Refresh(ctx, grant.Refresh); err != nil {
			return settled(err)
		}
		sealed, err := credentials.SealInTransit(master, grant)
		if err != nil {
			return "", "", err
		}
		if err := keep(sealed); err != nil {
			return "", "", err
		}
	}
	if err := service.Revoke(ctx, grant.Access); err != nil {
		return settled(err)
	}
	return store.TokenRevoked, "", nil
}

// settled takes a grant that is dead already for what was wanted. One that the provider
// only does not accept now may live again: it is asked about once more.
func settled(err error) (outcome, evidence string, _ error) {
	var failure *provider.Error
	if errors.As(err, &failure) && provider.Ended(failure) {
		return store.TokenAlreadyDead, fmt.Sprintf("%s: status %d, code %q", failure.Verdict, failure.Status, failure.Code), nil
	}
	return "", "", err
}

func (e *Erasure) outcome(ctx context.Context, in workflows.RevokeInput) (workflows.RevokeResult, error) {
	receipt, err := e.Store.Receipt(ctx, in.ReceiptID)
	return workflows.RevokeResult{TokenOutcome: receipt.TokenOutcome}, toApplicationError(err)
}

// tryAgain is err with its type, and without the mark that no retry mends it.
func tryAgain(err error) error {
	var application *temporal.ApplicationError
	if translated := toApplicationError(err); errors.As(translated, &application) {
		return applicationError(err, application.Type(), temporal.ApplicationErrorOptions{
			NextRetryDelay: application.NextRetryDelay(), Category: application.Category(),
		})
	}
	return err
}
