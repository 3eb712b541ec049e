package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	grant, account, err := l.exchange(ctx, service, authorization)
	if err != nil {
		return workflows.AuthorizeResult{}, exchangeError(err)
	}
	result.AccountRef = account.AccountRef
	if err := l.land(ctx, service, authorization, grant, account); err != nil {
		return workflows.AuthorizeResult{}, landingError(err)
	}
	return result, nil
}

// RefuseAuthorization ends an authorization with a reason and erases its secrets.
// Repeating it changes nothing.
func (l *Links) RefuseAuthorization(ctx context.Context, in workflows.Refusal) (workflows.Refused, error) {
	if err := l.Store.RefuseAuthorization(ctx, in.AuthorizationID, in.ErrorCode); err != nil {
		return workflows.Refused{}, toApplicationError(err)
	}
	row, err := l.Store.Authorization(ctx, in.AuthorizationID)
	if errors.Is(err, store.ErrNotFound) {
		return workflows.Refused{}, nil
	}
	return workflows.Refused{OrgID: row.OrgID}, toApplicationError(err)
}

// errSuperseded says that a grant died before it was of use: an account has one, and
// somebody authorized the account once more after it was given.
var errSuperseded = errors.New("another authorization of the account came after this one")

// exchange returns the authorization's grant and whose it is.
func (l *Links) exchange(ctx context.Context, service provider.Service, a db.Authorization) (provider.Grant, provider.Account, error) {
	grant, err := l.grant(ctx, service, a)
	if err != nil {
		return grant, provider.Account{}, err
	}
	if lacking := provider.Lacking(service, grant, provider.FeatureAccount); len(lacking) > 0 {
		return grant, provider.Account{}, &provider.Error{
			Kind: provider.MissingScopes, Operation: provider.FeatureAccount, Err: errors.New("not granted: " + strings.Join(lacking, ", ")),
		}
	}
	account, err := service.Account(ctx, grant.Access)
	if provider.KindOf(err) != provider.Unauthorized {
		return grant, account, err
	}
	// A token that was good a moment ago: superseded, or rejected for a moment.
	if grant, err = service.Refresh(ctx, grant.Refresh); err != nil {
		if provider.Ended(err) {
			err = fmt.Errorf("%w: %w", errSuperseded, err)
		}
		return grant, account, err
	}
	if err := l.keepGrant(ctx, a, grant); err != nil {
		return grant, account, err
	}
	account, err = service.Account(ctx, grant.Access)
	return grant, account, err
}

// grant returns the authorization's grant: the one that was kept, or the code's.
func (l *Links) grant(ctx context.Context, service provider.Service, a db.Authorization) (provider.Grant, error) {
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
	return grant, l.keepGrant(ctx, a, grant)
}

func (l *Links) keepGrant(ctx context.Context, a db.Authorization, grant provider.Grant) error {
	sealed, err := credentials.SealInTransit(l.Vault.Master(), grant)
	if err != nil {
		return err
	}
	return l.Store.KeepGrant(ctx, a.AuthorizationID, sealed)
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
		Scopes: grant.Scopes, MissingScopes: provider.Lacking(service, grant), AccessExpiresAt: grant.ExpiresAt,
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

func exchangeError(err error) error {
	if errors.Is(err, errSuperseded) {
		return applicationError(err, workflows.ErrSuperseded, expected())
	}
	return toApplicationError(err)
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
