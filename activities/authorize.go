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
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/workflows"
)

// unlinkingDelay is how soon an authorization looks again whether the erasure of an
// earlier link is done.
const unlinkingDelay = 2 * time.Second

// ExchangeCode turns the sealed code of an authorization into the account's credential
// and the link's row. A code works once, so what it gave is kept before anything else is
// done with it; from there the activity may be repeated at will.
func (l *Links) ExchangeCode(ctx context.Context, in workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
	authorization, err := l.Store.Authorization(ctx, in.AuthorizationID)
	if err != nil {
		return workflows.AuthorizeResult{}, toApplicationError(err)
	}
	result := workflows.AuthorizeResult{OrgID: authorization.OrgID}
	result.Provider = provider.Name(authorization.Provider)
	switch authorization.State {
	case store.AuthorizationLinked:
		if authorization.AccountID != nil {
			result.AccountID = *authorization.AccountID
		}
		return result, nil
	case store.AuthorizationRefused:
		if authorization.ErrorCode != nil {
			result.ErrorCode = *authorization.ErrorCode
		}
		return result, nil
	}
	service, err := l.Credentials.Service(result.Provider)
	if err != nil {
		return workflows.AuthorizeResult{}, toApplicationError(err)
	}
	grant, err := l.exchange(ctx, service, authorization)
	if err != nil {
		return workflows.AuthorizeResult{}, toApplicationError(err)
	}
	account, err := service.Account(ctx, grant.Access)
	if err != nil {
		return workflows.AuthorizeResult{}, toApplicationError(err)
	}
	result.AccountRef = account.AccountRef
	if err := l.land(ctx, service, authorization, grant, account); err != nil {
		return workflows.AuthorizeResult{}, landingError(err)
	}
	return result, nil
}

// RefuseAuthorization ends an authorization with a reason and erases its secrets.
// Repeating it changes nothing.
func (l *Links) RefuseAuthorization(ctx context.Context, in workflows.Refusal) error {
	return toApplicationError(l.Store.RefuseAuthorization(ctx, in.AuthorizationID, in.ErrorCode))
}

// exchange returns the authorization's grant: the one that was kept, or the code's.
func (l *Links) exchange(ctx context.Context, service provider.Service, a db.Authorization) (provider.Grant, error) {
	master := l.Vault.Master()
	if a.GrantSealed != nil {
		return credentials.OpenInTransit(master, a.GrantSealed)
	}
	if a.CodeSealed == nil {
		return provider.Grant{}, &provider.Error{Kind: provider.Refused, Operation: "exchange code", Err: errors.New("the authorization did not come back with one")}
	}
	code, err := master.OpenText(vault.PurposeCode, a.CodeSealed)
	if err != nil {
		return provider.Grant{}, err
	}
	verifier, err := master.OpenText(vault.PurposeVerifier, a.VerifierSealed)
	if err != nil {
		return provider.Grant{}, err
	}
	grant, err := service.Exchange(ctx, code, verifier)
	if err != nil {
		return provider.Grant{}, err
	}
	sealed, err := credentials.SealInTransit(master, grant)
	if err != nil {
		return provider.Grant{}, err
	}
	return grant, l.Store.KeepGrant(ctx, a.AuthorizationID, sealed)
}

// land seals everything under the keys of account and link and stores it at once.
func (l *Links) land(ctx context.Context, service provider.Service, a db.Authorization, grant provider.Grant, account provider.Account) error {
	ref := account.AccountRef
	accountKey, err := l.keyAnew(ctx, vault.AccountScope(ref))
	if err != nil {
		return err
	}
	linkKey, err := l.keyAnew(ctx, vault.LinkScope(ref, a.OrgID))
	if err != nil {
		return err
	}
	// What the org's network is sealed with; its collector finds it when it starts.
	if _, err := l.keyAnew(ctx, vault.OrgScope(a.OrgID)); err != nil {
		return err
	}
	landing := store.Landing{
		AuthorizationID: a.AuthorizationID, RequestedBy: a.RequestedBy, Ref: ref, OrgID: a.OrgID,
		AccountNumber: account.Number, AuthorizedUserID: account.Admin.UserID,
		Scopes: grant.Scopes, MissingScopes: missingScopes(service, grant), AccessExpiresAt: grant.ExpiresAt,
	}
	if landing.Scopes == nil {
		landing.Scopes = []string{}
	}
	if landing.GrantSealed, err = credentials.Seal(accountKey, grant); err != nil {
		return err
	}
	if !account.Company.IsZero() {
		if landing.CompanySealed, err = accountKey.Seal("company_sealed", []byte(account.Company.Reveal())); err != nil {
			return err
		}
	}
	if landing.LinkedBySealed, err = linkKey.SealPerson("linked_by_sealed", account.Admin); err != nil {
		return err
	}
	return l.Store.Land(ctx, landing)
}

// keyAnew returns a scope's key, a new one where an erasure destroyed the old.
func (l *Links) keyAnew(ctx context.Context, scope vault.Scope) (*vault.Key, error) {
	key, err := l.Vault.Key(ctx, scope)
	if errors.Is(err, vault.ErrDestroyed) {
		if err := l.Vault.Renew(ctx, scope); err != nil {
			return nil, err
		}
		return l.Vault.Key(ctx, scope)
	}
	return key, err
}

// missingScopes names one scope for everything that the grant is not enough for.
func missingScopes(service provider.Service, grant provider.Grant) []string {
	missing := []string{}
	for _, requirement := range service.Requirements() {
		if len(requirement.AnyOf) > 0 && !grant.Has(requirement.AnyOf...) {
			missing = append(missing, requirement.AnyOf[0])
		}
	}
	return missing
}

func landingError(err error) error {
	if errors.Is(err, store.ErrUnlinking) {
		return applicationError(err, workflows.ErrUnlinking, temporal.ApplicationErrorOptions{
			NextRetryDelay: unlinkingDelay, Category: temporal.ApplicationErrorCategoryBenign,
		})
	}
	if errors.Is(err, store.ErrNotFound) {
		return toApplicationError(fmt.Errorf("the org is gone: %w", err))
	}
	return toApplicationError(err)
}
