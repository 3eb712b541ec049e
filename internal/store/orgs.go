package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// Org returns a network org; [ErrNotFound] where there is none.
func (s *Store) Org(ctx context.Context, org uuid.UUID) (db.Org, error) {
	row, err := s.queries().Org(ctx, org)
	return row, notFound(err, "org %s", org)
}

// Orgs lists the network orgs by name.
func (s *Store) Orgs(ctx context.Context) ([]db.Org, error) {
	rows, err := s.queries().Orgs(ctx)
	return rows, notFound(err, "list orgs")
}

// PutOrg adds an org or changes its name and its access to the network.
func (s *Store) PutOrg(ctx context.Context, org db.UpsertOrgParams) error {
	return notFound(s.queries().UpsertOrg(ctx, org), "put org %s", org.OrgID)
}

// ErrLinked says that an org still has a link, be it one that is being erased.
var ErrLinked = errors.New("the org has a link: unlink it first, and wait until it is erased")

// RemoveOrg ends an org's registration: its name, its access to the network, its API tokens and
// attempts to link. Everything else went with its last link; receipts and the audit log stay.
// [ErrLinked] while it has a link, [ErrNotFound] where there is no such org.
func (s *Store) RemoveOrg(ctx context.Context, org uuid.UUID, actor string) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if _, err := q.LockOrg(ctx, org); err != nil { // a link that is being made waits
			return notFound(err, "lock org")
		}
		linked, err := q.OrgIsLinked(ctx, org)
		if err != nil {
			return fmt.Errorf("look for links: %w", err)
		}
		if linked {
			return ErrLinked
		}
		if err := q.ForgetDataKey(ctx, string(vault.OrgScope(org))); err != nil {
			return fmt.Errorf("forget key: %w", err)
		}
		if _, err := q.RemoveOrg(ctx, org); err != nil {
			return err
		}
		return audit(ctx, q, Entry{OrgID: &org, Actor: actor, Action: "org removed"})
	})
	if err != nil {
		return fmt.Errorf("remove org %s: %w", org, err)
	}
	return nil
}
