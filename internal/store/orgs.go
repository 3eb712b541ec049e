package store

import (
	"context"

	"github.com/google/uuid"

	"callweave/internal/store/db"
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
