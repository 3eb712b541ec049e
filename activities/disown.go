package activities

import (
	"context"
	"errors"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// DisownGrant ends, at the provider, a grant that no link came of, and erases it. Every
// failure may be tried again. Repeating it does nothing.
func (l *Links) DisownGrant(ctx context.Context, in workflows.AuthorizeInput) error {
	held, err := l.Store.UnlandedGrant(ctx, in.AuthorizationID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return tryAgain(err)
	}
	service, err := l.Credentials.Service(provider.Name(held.Provider))
	if err != nil {
		return tryAgain(err)
	}
	grant, err := credentials.OpenInTransit(l.Vault.Master(), held.GrantSealed)
	if err != nil {
		return tryAgain(err)
	}
	outcome, evidence, err := revoke(ctx, service, grant, func(sealed []byte) error {
		return l.Store.ReplaceUnlandedGrant(ctx, in.AuthorizationID, sealed)
	}, l.Vault.Master())
	if err != nil {
		return tryAgain(err)
	}
	return tryAgain(l.Store.SettleUnlandedGrant(ctx, in.AuthorizationID, outcome, evidence))
}

// ForgetGrant erases a grant that the provider was asked in vain to end. Repeating it does
// nothing.
func (l *Links) ForgetGrant(ctx context.Context, in workflows.ForgottenGrant) error {
	return toApplicationError(l.Store.SettleUnlandedGrant(ctx, in.AuthorizationID, store.TokenGaveUp, "last error: "+in.ErrorType))
}
