package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// The states of an authorization.
const (
	AuthorizationOffered  = "offered"
	AuthorizationReturned = "returned"
	AuthorizationLinked   = "linked"
	AuthorizationRefused  = "refused"
)

// ErrUnlinking says that an earlier link of the same org and account is still being
// erased: a new one can begin when that is done.
var ErrUnlinking = errors.New("the link is still being erased")

// ErrNotReturned says that an authorization does not go on: it was refused meanwhile, or
// is gone. Nothing lands by it.
var ErrNotReturned = errors.New("the authorization does not go on")

// ErrGrantGone says that a grant which served the account's other links went with them.
var ErrGrantGone = errors.New("the grant is over")

// Authorization returns an attempt to link; [ErrNotFound] where there is none.
func (s *Store) Authorization(ctx context.Context, id uuid.UUID) (db.Authorization, error) {
	row, err := s.queries().Authorization(ctx, id)
	return row, notFound(err, "authorization %s", id)
}

// Landing is an authorization that worked, everything sealed.
type Landing struct {
	AuthorizationID uuid.UUID
	RequestedBy     string
	Ref             provider.AccountRef
	OrgID           uuid.UUID

	AccountNumber    string
	CompanySealed    []byte
	GrantSealed      []byte
	Scopes           []string
	MissingScopes    []string
	AccessExpiresAt  time.Time
	AuthorizedUserID string
	LinkedBySealed   []byte
	InTransitSealed  []byte // the grant with whose it is, for when there cannot be a link yet
}

// Land makes the link: account, the account's one credential, the link's row, all or
// nothing. The new credential serves every link of the account, and what was wrong with
// the old one is over. Repeating it changes nothing. [ErrNotReturned] unless the
// administrator came back and nobody refused the authorization since. [ErrUnlinking] while an earlier
// link of this org and account is being erased; the credential lands even then where
// other links of the account depend on it.
func (s *Store) Land(ctx context.Context, l Landing) error {
	unlinking := false
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if _, err := q.LockOrg(ctx, l.OrgID); err != nil {
			return notFound(err, "org %s", l.OrgID)
		}
		switch state, err := q.LockAuthorization(ctx, l.AuthorizationID); {
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("lock: %w", err)
		case state == AuthorizationLinked:
			return nil
		case state != AuthorizationReturned:
			return ErrNotReturned
		}
		held, err := q.UnlandedGrant(ctx, l.AuthorizationID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotReturned
		}
		if err != nil {
			return fmt.Errorf("grant: %w", err)
		}
		status, err := q.LinkStatus(ctx, string(l.Ref.Provider), l.Ref.AccountID, l.OrgID)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("status of link: %w", err)
		}
		if unlinking = status == LinkUnlinking; unlinking {
			others, err := q.OtherLinks(ctx, string(l.Ref.Provider), l.Ref.AccountID, l.OrgID)
			if err != nil {
				return fmt.Errorf("other links: %w", err)
			}
			if _, err := q.KeepUnlandedGrant(ctx, l.InTransitSealed, others.OfAccount > 0, l.AuthorizationID); err != nil {
				return fmt.Errorf("keep grant: %w", err)
			}
			if others.OfAccount == 0 {
				return nil
			}
			return l.landCredential(ctx, q, held)
		}
		if err := l.landCredential(ctx, q, held); err != nil {
			return err
		}
		return l.landLink(ctx, q, status == "")
	})
	switch {
	case err != nil:
		return fmt.Errorf("land authorization %s: %w", l.AuthorizationID, err)
	case unlinking:
		return fmt.Errorf("land authorization %s: %w", l.AuthorizationID, ErrUnlinking)
	}
	return nil
}

func (l Landing) landCredential(ctx context.Context, q *db.Queries, held db.UnlandedGrant) error {
	name, account := string(l.Ref.Provider), l.Ref.AccountID
	if held.Shared {
		return l.requireCredential(ctx, q)
	}
	err := q.UpsertAccount(ctx, db.UpsertAccountParams{
		Provider: name, AccountID: account, AccountNumber: l.AccountNumber, CompanySealed: l.CompanySealed,
	})
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	// The account's row is locked now, so no erasure destroys the key from here on.
	if err := requireKey(ctx, q, vault.AccountScope(l.Ref)); err != nil {
		return err
	}
	err = q.UpsertCredential(ctx, db.UpsertCredentialParams{
		Provider: name, AccountID: account, GrantSealed: l.GrantSealed, Scopes: l.Scopes,
		AccessExpiresAt: l.AccessExpiresAt, AuthorizedUserID: l.AuthorizedUserID, ExchangedAt: held.ExchangedAt,
	})
	if err != nil {
		return fmt.Errorf("credential: %w", err)
	}
	if err := q.ReviveLinks(ctx, name, account, l.MissingScopes); err != nil {
		return fmt.Errorf("revive links: %w", err)
	}
	if err := q.ReplaceRevocations(ctx, name, account); err != nil {
		return fmt.Errorf("replace revocations: %w", err)
	}
	return nil
}

// requireCredential is for a grant that is the account's credential already, and has been
// refreshed as such since.
func (l Landing) requireCredential(ctx context.Context, q *db.Queries) error {
	row, err := q.LockCredential(ctx, string(l.Ref.Provider), l.Ref.AccountID)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row.State == CredentialDead {
		return ErrGrantGone
	}
	if err != nil {
		return fmt.Errorf("credential: %w", err)
	}
	return nil
}

func (l Landing) landLink(ctx context.Context, q *db.Queries, isNew bool) error {
	name, account := string(l.Ref.Provider), l.Ref.AccountID
	// The org's row is locked, too: an erasure that took its last link before has destroyed its key.
	for _, scope := range []vault.Scope{vault.LinkScope(l.Ref, l.OrgID), vault.OrgScope(l.OrgID)} {
		if err := requireKey(ctx, q, scope); err != nil {
			return err
		}
	}
	err := q.UpsertLink(ctx, db.UpsertLinkParams{
		Provider: name, AccountID: account, OrgID: l.OrgID, LinkedBySealed: l.LinkedBySealed,
	})
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if isNew { // else every meeting was queued when it landed
		err := q.QueueWeavesOfLink(ctx, l.OrgID, name, account)
		if err != nil {
			return fmt.Errorf("queue meetings: %w", err)
		}
	}
	if err := q.ReviveLinks(ctx, name, account, l.MissingScopes); err != nil {
		return fmt.Errorf("revive links: %w", err)
	}
	if finished, err := q.FinishAuthorization(ctx, l.AuthorizationID, &account); err != nil || finished != 1 {
		return fmt.Errorf("finish: %d rows: %w", finished, cmp.Or(err, ErrNotReturned))
	}
	if _, err := q.DropUnlandedGrant(ctx, l.AuthorizationID); err != nil {
		return fmt.Errorf("drop grant: %w", err)
	}
	return audit(ctx, q, Entry{OrgID: &l.OrgID, Actor: l.RequestedBy, Action: "account linked", Object: l.Ref.String()})
}

// requireKey refuses ciphertexts whose key an erasure destroyed since they were sealed.
// Trying again from the start seals them anew.
func requireKey(ctx context.Context, q *db.Queries, scope vault.Scope) error {
	key, err := q.DataKey(ctx, string(scope))
	if err != nil {
		return notFound(err, "key of %s", scope)
	}
	if key.KeySealed == nil {
		return fmt.Errorf("key of %s was destroyed meanwhile", scope)
	}
	return nil
}
