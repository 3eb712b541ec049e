package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// The fence keeps writers away from what is being erased. A writer calls the require
// function of what it writes for first in its transaction, which holds a share lock on a
// link until the transaction ends; unlinking changes the link's status under the row's
// own lock. So every write is either before the fence, and the erasure finds it, or
// after, and fails with [ErrFenced].

// requireLink guards writes for one link: matches, call minutes, weaves.
func requireLink(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID) error {
	_, err := q.FenceShare(ctx, string(ref.Provider), ref.AccountID, org)
	return fenced(err, "link of %s to org %s", ref, org)
}

// requireAccount guards writes for an account: its ledger, meetings, legs, media
// samples and spent requests. The account must have a link that goes on.
func requireAccount(ctx context.Context, q *db.Queries, ref provider.AccountRef) error {
	_, err := q.FenceShareAccount(ctx, string(ref.Provider), ref.AccountID)
	return fenced(err, "links of %s", ref)
}

// requireLinks guards writes for an account that are also writes for each of its links,
// and keeps the set of links as it is: one that is being made waits, so that it finds
// what is written, or is waited for, so that it is written for. Links are locked by org,
// as by everybody who locks several.
func requireLinks(ctx context.Context, q *db.Queries, ref provider.AccountRef) error {
	if _, err := q.ShareAccount(ctx, string(ref.Provider), ref.AccountID); err != nil {
		return fenced(err, "account %s", ref)
	}
	links, err := q.FenceShareLinks(ctx, string(ref.Provider), ref.AccountID)
	if err == nil && len(links) == 0 {
		err = ErrFenced
	}
	return fenced(err, "links of %s", ref)
}

// requireOrg guards writes for an org's network: sites, leases and device samples. The
// org must have a link that goes on.
func requireOrg(ctx context.Context, q *db.Queries, org uuid.UUID) error {
	_, err := q.FenceShareOrg(ctx, org)
	return fenced(err, "links of org %s", org)
}

func fenced(err error, what string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrFenced
	}
	if err != nil {
		return fmt.Errorf(what+": %w", append(args, err)...)
	}
	return nil
}
