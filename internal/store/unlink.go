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

// Fence puts up the fence of a link and opens its receipt: from its return on, nothing
// is written for the link. It decides, under the locks of org and account, whether the
// link is the last of either, so that their own data goes with it. Repeating it returns
// the same receipt; after the erasure, the finished one. [ErrNotFound] where there never
// was such a link.
func (s *Store) Fence(ctx context.Context, ref provider.AccountRef, org uuid.UUID, actor, reason string) (db.Receipt, error) {
	var receipt db.Receipt
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := lockBoth(ctx, q, ref, org); err != nil {
			return err
		}
		var err error
		receipt, err = fence(ctx, q, ref, org, actor, reason)
		return err
	})
	if err != nil {
		return db.Receipt{}, fmt.Errorf("fence link of %s to org %s: %w", ref, org, err)
	}
	return receipt, nil
}

func fence(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID, actor, reason string) (db.Receipt, error) {
	name, account := string(ref.Provider), ref.AccountID
	fencedAt, err := q.FenceLink(ctx, name, account, org)
	if errors.Is(err, pgx.ErrNoRows) {
		receipt, err := q.LastReceipt(ctx, name, account, org)
		return receipt, notFound(err, "receipt")
	}
	if err != nil {
		return db.Receipt{}, err
	}
	receipt, err := q.OpenReceipt(ctx, name, account, org)
	if !errors.Is(err, pgx.ErrNoRows) {
		return receipt, notFound(err, "receipt")
	}
	others, err := q.OtherLinks(ctx, name, account, org)
	if err != nil {
		return db.Receipt{}, fmt.Errorf("other links: %w", err)
	}
	receipt, err = q.AddReceipt(ctx, db.AddReceiptParams{
		Provider: name, AccountID: account, OrgID: org, Reason: reason, FencedAt: fencedAt,
		LastLink: others.OfAccount == 0, LastOfOrg: others.OfOrg == 0,
	})
	if err != nil {
		return db.Receipt{}, fmt.Errorf("open receipt: %w", err)
	}
	return receipt, audit(ctx, q, Entry{
		OrgID: &org, Actor: actor, Action: "link fenced", Object: ref.String(),
		Detail: map[string]any{"reason": reason, "receipt": receipt.ReceiptID},
	})
}

// Receipt returns a receipt; [ErrNotFound] where there is none.
func (s *Store) Receipt(ctx context.Context, id uuid.UUID) (db.Receipt, error) {
	row, err := s.queries().Receipt(ctx, id)
	return row, notFound(err, "receipt %s", id)
}

// lockBoth locks org and account, always in this order. Either may be gone.
func lockBoth(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID) error {
	if _, err := q.LockOrg(ctx, org); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("lock org: %w", err)
	}
	if _, err := q.LockAccount(ctx, string(ref.Provider), ref.AccountID); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("lock account: %w", err)
	}
	return nil
}

func refOf(receipt db.Receipt) provider.AccountRef {
	return provider.AccountRef{Provider: provider.Name(receipt.Provider), AccountID: receipt.AccountID}
}
