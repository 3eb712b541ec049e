// Package credentials gives valid access tokens to whoever talks to a provider, and
// keeps the one token pair of an account alive through rotation, races, lost replies and
// revocation.
//
// An account has one pair per app, shared by all its links. A refresh replaces it, and
// the old refresh token may be dead from then on; so a refresh happens under the row lock
// of the credential, once over all workers, and the new pair is committed before it is
// used. The pair before is kept until the new one has worked once.
package credentials

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// RelinkText is what users read on a link whose credential is dead. Mist's users know it.
const RelinkText = "OAuth token refresh failed, please re-link your account"

const (
	// margin is how long before its end an access token is refreshed: longer than any
	// slice of requests that was begun with it.
	margin = 5 * time.Minute
	// calm is how long a pair that a refresh gave is not refreshed again because it was
	// rejected: providers reject good tokens for moments, and a storm of refreshes is worse.
	calm = time.Minute
	// requestTimeout bounds one request to a token endpoint under the row lock, holdTimeout
	// everything done under it: two pairs, each asked with twice, and the commit.
	requestTimeout = 10 * time.Second
	holdTimeout    = 4*requestTimeout + 10*time.Second
	// flightTimeout bounds a refresh with what it waits for: its turn, and the lock while
	// another program holds it.
	flightTimeout = 2 * holdTimeout
	// idleFor is after how long without a refresh a pair that nobody needs is refreshed all
	// the same, unusedFor after how long it is dead: Zoom's and Microsoft's refresh tokens
	// both live 90 days.
	idleFor   = 30 * 24 * time.Hour
	unusedFor = 90 * 24 * time.Hour
)

// Manager manages credentials. Safe for concurrent use; many may work on one database.
type Manager struct {
	store    *store.Store
	vault    *vault.Vault
	services map[provider.Name]provider.Service
	now      func() time.Time
	failed   func(context.Context, provider.AccountRef, []uuid.UUID)
	judged   func(ctx context.Context, verdict string)

	flightTimeout time.Duration

	flights singleflight.Group // a refresh per account and process: the others need no connection to wait on

	mu          sync.Mutex
	unconfirmed map[provider.AccountRef][sha256.Size]byte // access tokens that have not worked yet
}

// Config is what a Manager may be told beside what it works with.
type Config struct {
	Now func() time.Time // nil: time.Now
	// Failed, where set, is told of the links that a credential took with it when it was
	// given up, after that is stored. It must not fail: the links' rows say the same.
	Failed func(ctx context.Context, ref provider.AccountRef, orgs []uuid.UUID)
	// Judged, where set, is told what each refresh that the provider was asked for came to: ""
	// for a new pair, or a verdict.
	Judged func(ctx context.Context, verdict string)
}

// New builds a manager for the providers of the services.
func New(s *store.Store, v *vault.Vault, c Config, services ...provider.Service) *Manager {
	m := &Manager{
		store: s, vault: v, now: c.Now, failed: c.Failed, judged: c.Judged, flightTimeout: flightTimeout,
		services:    make(map[provider.Name]provider.Service, len(services)),
		unconfirmed: make(map[provider.AccountRef][sha256.Size]byte),
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.judged == nil {
		m.judged = func(context.Context, string) {}
	}
	for _, service := range services {
		m.services[service.Name()] = service
	}
	return m
}

// Service returns the service of a provider.
func (m *Manager) Service(name provider.Name) (provider.Service, error) {
	service, ok := m.services[name]
	if !ok {
		return nil, &provider.Error{Kind: provider.Misconfigured, Operation: "find provider", Err: fmt.Errorf("%q is not configured", name)}
	}
	return service, nil
}

// Access returns an access token that is good for some minutes, refreshing the pair if
// need be. A refresh that waits for its turn, or for the provider, goes on when ctx ends.
// Its errors: [store.ErrFenced] where no link of the account goes on,
// [store.ErrNotFound] where there is no credential, and the provider's
// ([provider.Error]), of kind Reauthorization where the tenant must link again.
func (m *Manager) Access(ctx context.Context, ref provider.AccountRef) (secret.Text, error) {
	return m.access(ctx, ref, secret.Text{})
}

// KeepAlive refreshes a pair that was not used for long, before the provider forgets it:
// an account whose harvest is paused or has nothing to ask must not have to link again.
// It costs no request otherwise. What goes wrong is kept with the credential.
func (m *Manager) KeepAlive(ctx context.Context, ref provider.AccountRef) error {
	row, err := m.store.Credential(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep token of %s alive: %w", ref, err)
	}
	if !row.Linked || row.Credential.State == store.CredentialDead || m.now().Before(row.Credential.RefreshedAt.Add(idleFor)) {
		return nil
	}
	_, err = m.Access(ctx, ref)
	return err
}

// Lacking names, of the scopes that features need, those that the account's grant lacks:
// one for each feature. None where the provider did not say what it granted.
func (m *Manager) Lacking(ctx context.Context, ref provider.AccountRef, features ...string) ([]string, error) {
	service, err := m.Service(ref.Provider)
	if err != nil {
		return nil, err
	}
	row, err := m.store.Credential(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("scopes of %s: %w", ref, err)
	}
	return provider.Lacking(service, provider.Grant{Scopes: row.Credential.Scopes}, features...), nil
}

// Rejected is for a token that the provider did not accept (401, Zoom's code 124). It
// returns the token that took its place, refreshing the pair unless somebody did.
func (m *Manager) Rejected(ctx context.Context, ref provider.AccountRef, access secret.Text) (secret.Text, error) {
	return m.access(ctx, ref, access)
}

// Worked says that the provider accepted a token: the pair before it is not needed any
// more. It costs nothing when there is none, so call it after every success.
func (m *Manager) Worked(ctx context.Context, ref provider.AccountRef, access secret.Text) error {
	if !m.isUnconfirmed(ref, access) {
		return nil
	}
	key, err := m.vault.Key(ctx, vault.AccountScope(ref))
	if err != nil {
		return fmt.Errorf("confirm token of %s: %w", ref, err)
	}
	row, err := m.store.Credential(ctx, ref)
	if err != nil {
		return fmt.Errorf("confirm token of %s: %w", ref, err)
	}
	grant, err := key.OpenGrant(fieldGrant, row.Credential.GrantSealed)
	if err != nil {
		return fmt.Errorf("confirm token of %s: %w", ref, err)
	}
	done := !same(grant.Access, access) // another pair took its place
	if !done {
		if done, err = m.store.ConfirmCredential(ctx, ref, row.Credential.Generation); err != nil {
			return fmt.Errorf("confirm token of %s: %w", ref, err)
		}
	}
	if done {
		m.confirmed(ref, access)
	}
	return nil
}

func (m *Manager) access(ctx context.Context, ref provider.AccountRef, rejected secret.Text) (secret.Text, error) {
	key, err := m.vault.Key(ctx, vault.AccountScope(ref))
	if err != nil {
		return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, err)
	}
	row, err := m.store.Credential(ctx, ref)
	if err != nil {
		return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, err)
	}
	if !row.Linked {
		return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, store.ErrFenced)
	}
	current, err := m.judge(ref, key, row.Credential, rejected)
	if err != nil {
		return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, err)
	}
	if current.usable {
		return current.grant.Access, nil
	}

	// Whoever waits shares the outcome, so nobody's cancellation may end it.
	flight := m.flights.DoChan(ref.String(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.flightTimeout)
		defer cancel()
		return m.refresh(ctx, ref, key, row.Credential.Generation, rejected)
	})
	select {
	case <-ctx.Done():
		return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, ctx.Err())
	case result := <-flight:
		if result.Err != nil {
			return secret.Text{}, fmt.Errorf("access token of %s: %w", ref, result.Err)
		}
		access, _ := result.Val.(secret.Text)
		return access, nil
	}
}

// current is the stored pair and whether it can be used as it is.
type current struct {
	grant  provider.Grant
	usable bool
}

// judge says whether the stored pair serves, must be refreshed, or is dead.
func (m *Manager) judge(ref provider.AccountRef, key *vault.Key, row db.Credential, rejected secret.Text) (current, error) {
	if row.State == store.CredentialDead {
		return current{}, dead(row)
	}
	grant, err := key.OpenGrant(fieldGrant, row.GrantSealed)
	if err != nil {
		return current{}, err
	}
	if row.PriorGrantSealed != nil {
		m.awaits(ref, grant.Access)
	}
	fresh := m.now().Add(margin).Before(row.AccessExpiresAt)
	if rejected.IsZero() || !same(grant.Access, rejected) {
		return current{grant, fresh}, nil
	}
	if row.RefreshedAt.After(row.AuthorizedAt) && m.now().Before(row.RefreshedAt.Add(calm)) {
		return current{}, &provider.Error{
			Kind: provider.Transient, Operation: "use access token",
			Err: errors.New("the provider does not accept a token that it just gave"),
		}
	}
	return current{grant, false}, nil
}

// dead is why a credential that was given up cannot be used.
func dead(row db.Credential) error {
	failure := &provider.Error{Kind: provider.Reauthorization, Operation: "use credential"}
	if row.Verdict != nil {
		failure.Verdict = *row.Verdict
	}
	return failure
}

func (m *Manager) awaits(ref provider.AccountRef, access secret.Text) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unconfirmed[ref] = digest(access)
}

func (m *Manager) isUnconfirmed(ref provider.AccountRef, access secret.Text) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting, ok := m.unconfirmed[ref]
	return ok && waiting == digest(access)
}

func (m *Manager) confirmed(ref provider.AccountRef, access secret.Text) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unconfirmed[ref] == digest(access) {
		delete(m.unconfirmed, ref)
	}
}

func digest(access secret.Text) [sha256.Size]byte { return sha256.Sum256([]byte(access.Reveal())) }

func same(a, b secret.Text) bool {
	return subtle.ConstantTimeCompare([]byte(a.Reveal()), []byte(b.Reveal())) == 1
}
