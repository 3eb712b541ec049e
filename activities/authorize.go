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
	return l.authorize(ctx, in, l.exchange)
}

// LandGrant goes on with a grant that ExchangeCode kept, and exchanges nothing. Repeating
// it changes nothing.
func (l *Links) LandGrant(ctx context.Context, in workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
	return l.authorize(ctx, in, func(context.Context, provider.Service, db.Authorization) (provider.Grant, error) {
		return provider.Grant{}, applicationError(errNoGrant, workflows.ErrNoGrant, expected())
	})
}

// exchanging turns an authorization whose code was not exchanged yet into a grant.
type exchanging func(context.Context, provider.Service, db.Authorization) (provider.Grant, error)

func (l *Links) authorize(ctx context.Context, in workflows.AuthorizeInput, exchange exchanging) (workflows.AuthorizeResult, error) {
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
	grant, account, err := l.identified(ctx, service, authorization, exchange)
	if err != nil {
		return workflows.AuthorizeResult{}, exchangeError(err)
	}
	result.AccountRef = account.AccountRef
	if err := l.land(ctx, service, authorization, grant, account); err != nil {
		return workflows.AuthorizeResult{}, landingError(err)
	}
	return result, nil
}

// RefuseAuthorization ends an authorization with a reason and erases its secrets; a grant
// that may live at the provider is left to be revoked. Repeating it changes nothing.
func (l *Links) RefuseAuthorization(ctx context.Context, in workflows.Refusal) (workflows.Refused, error) {
	left, err := l.Store.RefuseAuthorization(ctx, in.AuthorizationID, in.ErrorCode)
	if err != nil {
		return workflows.Refused{}, toApplicationError(err)
	}
	if left && in.ErrorCode == workflows.CodeSuperseded { // it is dead, and its end would be another one's
		if err := l.Store.SettleUnlandedGrant(ctx, in.AuthorizationID, store.TokenAlreadyDead, in.ErrorCode); err != nil {
			return workflows.Refused{}, toApplicationError(err)
		}
		left = false
	}
	refused := workflows.Refused{Disown: left}
	row, err := l.Store.Authorization(ctx, in.AuthorizationID)
	if errors.Is(err, store.ErrNotFound) {
		return refused, nil
	}
	refused.OrgID = row.OrgID
	if row.State == store.AuthorizationLinked && row.AccountID != nil {
		refused.Account = provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: *row.AccountID}
	}
	return refused, toApplicationError(err)
}

// errNoGrant says that no code was exchanged.
var errNoGrant = errors.New("the authorization has no grant")

// errSuperseded says that a grant died before it was of use: an account has one, and
// somebody authorized the account once more after it was given.
var errSuperseded = errors.New("another authorization of the account came after this one")

// identified returns the authorization's grant and whose it is.
func (l *Links) identified(ctx context.Context, service provider.Service, a db.Authorization, exchange exchanging) (provider.Grant, provider.Account, error) {
	held, err := l.Store.UnlandedGrant(ctx, a.AuthorizationID)
	var (
		grant   provider.Grant
		account provider.Account
	)
	switch {
	case errors.Is(err, store.ErrNotFound):
		grant, err = exchange(ctx, service, a)
	case err == nil:
		grant, account, err = credentials.OpenUnlanded(l.Vault.Master(), held.GrantSealed)
	}
	if err != nil || account.AccountID != "" {
		return grant, account, err
	}
	if lacking := provider.Lacking(service, grant, provider.FeatureAccount); len(lacking) > 0 {
		return grant, account, &provider.Error{
			Kind: provider.MissingScopes, Operation: provider.FeatureAccount, Err: errors.New("not granted: " + strings.Join(lacking, ", ")),
		}
	}
	grant, account, err = l.identify(ctx, service, a, grant)
	switch provider.KindOf(err) {
	case provider.Transient, provider.RateLimited, provider.Malformed:
		if err != nil { // whoever waits in front of a browser is told that it is pending
			err = errors.Join(err, l.Store.NoteAuthorization(ctx, a.AuthorizationID, workflows.CodeProviderUnavailable))
		}
	}
	return grant, account, err
}

func (l *Links) identify(ctx context.Context, service provider.Service, a db.Authorization, grant provider.Grant) (provider.Grant, provider.Account, error) {
	account, err := service.Account(ctx, grant.Access)
	if provider.KindOf(err) != provider.Unauthorized {
		return grant, account, err
	}
	// A token that was good a moment ago: superseded, expired, or rejected for a moment.
	if grant, err = service.Refresh(ctx, grant.Refresh); err != nil {
		if provider.Ended(err) {
			err = fmt.Errorf("%w: %w", errSuperseded, err)
		}
		return grant, account, err
	}
	sealed, err := credentials.SealInTransit(l.Vault.Master(), grant)
	if err != nil {
		return grant, account, err
	}
	if err := l.Store.ReplaceUnlandedGrant(ctx, a.AuthorizationID, sealed); err != nil {
		return grant, account, err
	}
	account, err = service.Account(ctx, grant.Access)
	return grant, account, err
}

// exchange turns the code into a grant and keeps it.
func (l *Links) exchange(ctx context.Context, service provider.Service, a db.Authorization) (provider.Grant, error) {
	master := l.Vault.Master()
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
		return grant, err
	}
	err = l.Store.KeepGrant(ctx, a.AuthorizationID, sealed)
	if errors.Is(err, store.ErrNotFound) {
		// Refused meanwhile: nobody else knows of the grant.
		err = errors.Join(err, service.Revoke(ctx, grant.Access))
	}
	return grant, err
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
	if landing.InTransitSealed, err = credentials.SealUnlanded(l.Vault.Master(), grant, account); err != nil {
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
	if errors.Is(err, store.ErrGrantGone) {
		return applicationError(err, workflows.ErrSuperseded, expected())
	}
	if errors.Is(err, store.ErrNotFound) {
		return toApplicationError(fmt.Errorf("the org is gone: %w", err))
	}
	return toApplicationError(err)
}
