package credentials

import (
	"context"
	"errors"
	"fmt"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// The fields of a credential that are sealed.
const (
	fieldGrant      = "grant_sealed"
	fieldPriorGrant = "prior_grant_sealed"
)

// Verdicts that end a credential; every other one leaves it to a later attempt, to the
// account's administrator or to us.
const (
	verdictRaced        = "raced"
	verdictRevoked      = "revoked"
	verdictExpired      = "expired"
	verdictAdminRemoved = "admin_removed"
)

// refresh takes the row lock, looks again whether there is anything to do, and rotates
// the pair. What it learns is committed before anybody hears of it.
func (m *Manager) refresh(ctx context.Context, ref provider.AccountRef, key *vault.Key, rejected secret.Text) (secret.Text, error) {
	service, err := m.Service(ref.Provider)
	if err != nil {
		return secret.Text{}, err
	}
	var (
		access  secret.Text
		verdict error // what is wrong with the credential: the transaction commits all the same
	)
	err = m.store.LockCredential(ctx, ref, func(c *store.LockedCredential) error {
		var current current
		if current, verdict = m.judge(ref, key, c.Credential, rejected); verdict != nil || current.usable {
			access = current.grant.Access
			return nil //nolint:nilerr // told after the commit
		}
		pairs := []provider.Grant{current.grant}
		if c.PriorGrantSealed != nil {
			prior, err := key.OpenGrant(fieldPriorGrant, c.PriorGrantSealed)
			if err != nil {
				return err
			}
			pairs = append(pairs, prior)
		}
		grant, used, err := m.ask(ctx, service, pairs)
		if err != nil {
			verdict = err
			return m.note(ctx, c, err)
		}
		access = grant.Access
		return m.rotate(ctx, c, key, grant, pairs[used], used)
	})
	if err != nil {
		return secret.Text{}, err
	}
	return access, verdict
}

// ask refreshes with the first refresh token that the provider accepts: that of the
// current pair, then that of the pair before, which is alive when the current one never
// reached us whole. A reply that was lost may have rotated the pair, so the same token is
// tried once more: providers accept it for a while.
func (m *Manager) ask(ctx context.Context, service provider.Service, pairs []provider.Grant) (provider.Grant, int, error) {
	var first error
	for i, pair := range pairs {
		grant, err := m.askOnce(ctx, service, pair)
		if err != nil && ambiguous(err) {
			grant, err = m.askOnce(ctx, service, pair)
		}
		if err == nil {
			return grant, i, nil
		}
		if first == nil {
			first = err
		}
		if provider.KindOf(err) != provider.Reauthorization {
			// Nothing is known of this pair, so nothing may be concluded from the other.
			return provider.Grant{}, 0, err
		}
	}
	return provider.Grant{}, 0, first
}

func (m *Manager) askOnce(ctx context.Context, service provider.Service, pair provider.Grant) (provider.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return service.Refresh(ctx, pair.Refresh)
}

// ambiguous reports whether the provider may have done what it gave no whole answer to.
func ambiguous(err error) bool {
	kind := provider.KindOf(err)
	return kind == provider.Transient || kind == provider.Malformed
}

func (m *Manager) rotate(ctx context.Context, c *store.LockedCredential, key *vault.Key, grant, from provider.Grant, used int) error {
	sealed, err := key.SealGrant(fieldGrant, grant)
	if err != nil {
		return err
	}
	prior, err := key.SealGrant(fieldPriorGrant, from)
	if err != nil {
		return err
	}
	rotation := store.Rotation{GrantSealed: sealed, PriorGrantSealed: prior, Scopes: grant.Scopes, AccessExpiresAt: grant.ExpiresAt}
	if len(rotation.Scopes) == 0 {
		rotation.Scopes = c.Scopes
	}
	if used > 0 {
		rotation.Verdict, rotation.Evidence = verdictRaced, "the pair before the current one was accepted"
	}
	if err := c.Rotate(ctx, rotation); err != nil {
		return err
	}
	m.awaits(provider.AccountRef{Provider: provider.Name(c.Provider), AccountID: c.AccountID}, grant.Access)
	return nil
}

// note keeps what went wrong, with the provider's own words for it, and gives the
// credential up only where nothing but another authorization can help.
func (m *Manager) note(ctx context.Context, c *store.LockedCredential, err error) error {
	var failure *provider.Error
	if !errors.As(err, &failure) {
		failure = &provider.Error{Kind: provider.KindOf(err)}
	}
	evidence := fmt.Sprintf("status %d, code %q", failure.Status, failure.Code)
	if failure.Kind == provider.Reauthorization {
		switch failure.Verdict {
		case verdictRevoked, verdictExpired, verdictAdminRemoved:
			_, err := c.Kill(ctx, failure.Verdict, evidence, RelinkText)
			return err
		}
	}
	verdict := failure.Verdict
	if verdict == "" {
		verdict = string(failure.Kind)
	}
	return c.Judge(ctx, verdict, evidence)
}
