package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

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

// errMoved says that somebody replaced the pair between the note that it is about to be
// refreshed and the lock, and that theirs must be refreshed as well.
var errMoved = errors.New("the pair changed meanwhile")

// errNoTime says that what the provider answers might come too late to be kept.
var errNoTime = errors.New("other refreshes took too long")

// refresh takes its turn, notes that the pair of a generation is about to be refreshed, takes the row
// lock, looks again whether there is anything to do, and rotates the pair. What it learns
// is committed before anybody hears of it; a note that outlives its refresh tells that
// the answer was lost.
func (m *Manager) refresh(ctx context.Context, ref provider.AccountRef, key *vault.Key, generation int64, rejected secret.Text) (secret.Text, error) {
	service, err := m.Service(ref.Provider)
	if err != nil {
		return secret.Text{}, err
	}
	release, err := m.store.TakeRefreshTurn(ctx)
	if err != nil {
		return secret.Text{}, &provider.Error{Kind: provider.Transient, Operation: "refresh token", Err: errNoTime}
	}
	defer release()
	began := m.now().UTC().Truncate(time.Microsecond) // as the database keeps it
	since, err := m.store.BeginRefresh(ctx, ref, generation, began)
	if err != nil {
		return secret.Text{}, err
	}
	var (
		access  secret.Text
		verdict error       // what is wrong with the credential: the transaction commits all the same
		failed  []uuid.UUID // the orgs whose links it takes with it
	)
	err = m.store.LockCredential(ctx, ref, func(c *store.LockedCredential) error {
		var current current
		if current, verdict = m.judge(ref, key, c.Credential, rejected); verdict != nil || current.usable {
			access = current.grant.Access
			return nil //nolint:nilerr // told after the commit
		}
		// What is handed over to be revoked must stay the pair that the provider knows.
		if linked, err := c.Linked(ctx); err != nil || !linked {
			return cmp.Or(err, store.ErrFenced)
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < holdTimeout {
			verdict = &provider.Error{Kind: provider.Transient, Operation: "refresh token", Err: errNoTime}
			return c.NotAsked(ctx, since.Before(began))
		}
		if c.Generation != generation {
			verdict = &provider.Error{Kind: provider.Transient, Operation: "refresh token", Err: errMoved}
			return nil
		}
		r := refreshing{service: service, credential: c, key: key, began: began}
		if since.Before(began) {
			r.unanswered = since
		}
		grant, err := m.rotate(ctx, &r, current.grant)
		access, verdict, failed = grant.Access, r.verdict, r.failed
		if err == nil {
			m.judged(ctx, r.outcome)
		}
		return err
	})
	if err != nil {
		return secret.Text{}, err
	}
	if len(failed) > 0 && m.failed != nil {
		m.failed(ctx, ref, failed)
	}
	return access, verdict
}

// refreshing is a refresh under the lock.
type refreshing struct {
	service    provider.Service
	credential *store.LockedCredential
	key        *vault.Key
	began      time.Time
	unanswered time.Time // since when a refresh of this pair has no whole answer; zero where none
	verdict    error
	outcome    string // the verdict in a word; "" for a new pair
	failed     []uuid.UUID
}

// rotate asks the provider and keeps what it said.
func (m *Manager) rotate(ctx context.Context, r *refreshing, stored provider.Grant) (provider.Grant, error) {
	pairs := []provider.Grant{stored}
	if r.credential.PriorGrantSealed != nil {
		prior, err := r.key.OpenGrant(fieldPriorGrant, r.credential.PriorGrantSealed)
		if err != nil {
			return provider.Grant{}, err
		}
		pairs = append(pairs, prior)
	}
	grant, used, err := m.ask(ctx, r, pairs)
	if err != nil {
		r.verdict = err
		return provider.Grant{}, m.note(ctx, r, err)
	}
	return grant, m.keep(ctx, r, grant, pairs[used], used)
}

// ask refreshes with the first refresh token that the provider accepts: that of the
// current pair, then that of the pair before, which is alive when the current one never
// reached us whole. A reply that was lost may have rotated the pair, so the same token is
// tried once more: providers accept it for a while.
func (m *Manager) ask(ctx context.Context, r *refreshing, pairs []provider.Grant) (provider.Grant, int, error) {
	var first error
	for i, pair := range pairs {
		grant, err := m.askOnce(ctx, r.service, pair)
		if err != nil && ambiguous(err) {
			if r.unanswered.IsZero() {
				r.unanswered = r.began
			}
			grant, err = m.askOnce(ctx, r.service, pair)
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

// keep stores a new pair, and the one it came from to fall back on.
func (m *Manager) keep(ctx context.Context, r *refreshing, grant, from provider.Grant, used int) error {
	c := r.credential
	sealed, err := r.key.SealGrant(fieldGrant, grant)
	if err != nil {
		return err
	}
	prior, err := r.key.SealGrant(fieldPriorGrant, from)
	if err != nil {
		return err
	}
	rotation := store.Rotation{
		GrantSealed: sealed, PriorGrantSealed: prior, Scopes: grant.Scopes, AccessExpiresAt: grant.ExpiresAt, UnansweredSince: r.unanswered,
	}
	if len(rotation.Scopes) == 0 {
		rotation.Scopes = c.Scopes
	}
	if used > 0 {
		rotation.Verdict, rotation.Evidence = provider.VerdictRaced, "the pair before the current one was accepted"
		r.outcome = rotation.Verdict
	}
	if err := c.Rotate(ctx, rotation); err != nil {
		return err
	}
	m.awaits(provider.AccountRef{Provider: provider.Name(c.Provider), AccountID: c.AccountID}, grant.Access)
	return nil
}

// note keeps what went wrong, with the provider's own words for it, and gives the
// credential up only where nothing but another authorization can help.
func (m *Manager) note(ctx context.Context, r *refreshing, err error) error {
	var failure *provider.Error
	if !errors.As(err, &failure) {
		failure = &provider.Error{Kind: provider.KindOf(err)}
	}
	verdict := failure.Verdict
	if verdict == "" {
		verdict = string(failure.Kind)
	}
	// Zoom has the same words for a token that was revoked and for one nobody used.
	if verdict == provider.VerdictRevoked && !m.now().Before(r.credential.RefreshedAt.Add(unusedFor)) {
		verdict = provider.VerdictExpired
	}
	r.outcome = verdict
	evidence := fmt.Sprintf("status %d, code %q", failure.Status, failure.Code)
	if !r.unanswered.IsZero() {
		evidence += fmt.Sprintf("; the refresh begun at %s was never answered: its reply may have been lost", r.unanswered.Format(time.RFC3339))
	}
	if provider.Ended(err) {
		orgs, err := r.credential.Kill(ctx, verdict, evidence, RelinkText)
		r.failed = orgs
		return err
	}
	return r.credential.Judge(ctx, verdict, evidence, ambiguous(err))
}
