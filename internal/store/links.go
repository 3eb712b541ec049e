package store

import (
	"context"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// The states of a link's row. It has none before and after.
const (
	LinkActive    = "active"
	LinkFailed    = "failed"
	LinkUnlinking = "unlinking"
)

// Link returns a link with its account and the state of its credential; [ErrNotFound]
// where there is none.
func (s *Store) Link(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (db.LinkRow, error) {
	row, err := s.queries().Link(ctx, string(ref.Provider), ref.AccountID, org)
	return row, notFound(err, "link of %s to org %s", ref, org)
}

// LinksOfAccount lists the links of an account, in every state.
func (s *Store) LinksOfAccount(ctx context.Context, ref provider.AccountRef) ([]db.Link, error) {
	links, err := s.queries().LinksOfAccount(ctx, string(ref.Provider), ref.AccountID)
	return links, notFound(err, "links of %s", ref)
}

// Needed reports whether an account and an org have links that go on: without any, the
// one's harvest and the other's device collection have nothing to do.
func (s *Store) Needed(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (account, ofOrg bool, err error) {
	row, err := s.queries().LinksThatGoOn(ctx, string(ref.Provider), ref.AccountID, org)
	return row.OfAccount, row.OfOrg, notFound(err, "links of %s and org %s", ref, org)
}

// Account returns an account; [ErrNotFound] where there is none.
func (s *Store) Account(ctx context.Context, ref provider.AccountRef) (db.Account, error) {
	row, err := s.queries().Account(ctx, string(ref.Provider), ref.AccountID)
	return row, notFound(err, "account %s", ref)
}
