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

// ErrEraseWaits says that another link of the account is still being erased, and that
// the account's own rows go after it.
var ErrEraseWaits = errors.New("another link of the account is still being erased")

// erasure is what a receipt's unlinking takes with it besides the link's own rows.
type erasure struct {
	account bool // what was harvested of the account
	org     bool // what the org's network left
}

// decide says, under the locks of org and account, what the receipt's unlinking still
// takes. It only ever narrows: a link that came up since the fence keeps what it needs;
// and where two unlinkings would take the same, the one fenced last does.
func decide(ctx context.Context, q *db.Queries, receiptID uuid.UUID) (db.Receipt, erasure, error) {
	receipt, err := q.Receipt(ctx, receiptID)
	if err != nil {
		return db.Receipt{}, erasure{}, notFound(err, "receipt")
	}
	if err := lockBoth(ctx, q, refOf(receipt), receipt.OrgID); err != nil {
		return db.Receipt{}, erasure{}, err
	}
	// Again: another attempt may have closed it while we waited for the locks.
	if receipt, err = q.Receipt(ctx, receiptID); err != nil {
		return db.Receipt{}, erasure{}, notFound(err, "receipt")
	}
	if receipt.FinishedAt != nil {
		return receipt, erasure{}, nil
	}
	others, err := q.OtherLinks(ctx, receipt.Provider, receipt.AccountID, receipt.OrgID)
	if err != nil {
		return db.Receipt{}, erasure{}, fmt.Errorf("other links: %w", err)
	}
	accountLater, err := q.LaterErasureOfAccount(ctx, db.LaterErasureOfAccountParams{
		Provider: receipt.Provider, AccountID: receipt.AccountID, ReceiptID: receiptID, FencedAt: receipt.FencedAt,
	})
	if err != nil {
		return db.Receipt{}, erasure{}, fmt.Errorf("later erasures: %w", err)
	}
	orgLater, err := q.LaterErasureOfOrg(ctx, receipt.OrgID, receiptID, receipt.FencedAt)
	if err != nil {
		return db.Receipt{}, erasure{}, fmt.Errorf("later erasures: %w", err)
	}
	scope := erasure{
		account: receipt.LastLink && others.OfAccount == 0 && !accountLater,
		org:     receipt.LastOfOrg && others.OfOrg == 0 && !orgLater,
	}
	if scope.account != receipt.LastLink || scope.org != receipt.LastOfOrg {
		receipt.LastLink, receipt.LastOfOrg = scope.account, scope.org
		err := q.NarrowReceipt(ctx, db.NarrowReceiptParams{
			ReceiptID: receiptID, LastLink: scope.account, LastOfOrg: scope.org, KeptTables: scope.keptTables(),
		})
		if err != nil {
			return db.Receipt{}, erasure{}, fmt.Errorf("narrow receipt: %w", err)
		}
	}
	return receipt, scope, nil
}

// CountErasure notes in the receipt, once and before the first row goes, how many rows of
// every table are to go. The fence stands, so the counts do not move.
func (s *Store) CountErasure(ctx context.Context, receiptID uuid.UUID) error {
	var (
		receipt db.Receipt
		scope   erasure
	)
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) (err error) {
		receipt, scope, err = decide(ctx, q, receiptID)
		return err
	})
	if err == nil && receipt.FinishedAt == nil && string(receipt.RowsBefore) == "{}" {
		err = s.countErasure(ctx, receipt, scope)
	}
	if err != nil {
		return fmt.Errorf("count rows for receipt %s: %w", receiptID, err)
	}
	return nil
}

// countErasure counts without the locks, because millions of rows must not hold up a new
// link. So it decides once more after: what a link that came up meanwhile needs is not
// counted, and neither is anything where another attempt has counted first.
func (s *Store) countErasure(ctx context.Context, receipt db.Receipt, scope erasure) error {
	var counts rowCounts
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) (err error) {
		counts, err = countRows(ctx, q, receipt, scope)
		return err
	})
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		receipt, scope, err := decide(ctx, q, receipt.ReceiptID)
		if err != nil || receipt.FinishedAt != nil {
			return err
		}
		before, err := counts.without(scope.keptTables()...).json()
		if err != nil {
			return err
		}
		return q.CountedReceipt(ctx, receipt.ReceiptID, before)
	})
}

// EraseBatch erases up to about maxRows rows of what a receipt speaks of, in one
// transaction, and returns how many; 0 when nothing is left but the last rows that
// [Store.FinishErasure] takes. It may be stopped and begun again at any point.
func (s *Store) EraseBatch(ctx context.Context, receiptID uuid.UUID, maxRows int) (int64, error) {
	var erased int64
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		receipt, scope, err := decide(ctx, q, receiptID)
		if err != nil || receipt.FinishedAt != nil {
			return err
		}
		if err := q.SearchByIndex(ctx); err != nil {
			return err
		}
		for _, step := range stepsOf(scope) {
			rows, err := step.erase(ctx, q, receipt, int32(maxRows))
			if err != nil {
				return fmt.Errorf("%s: %w", step.table, err)
			}
			if rows > 0 {
				erased = rows
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("erase for receipt %s: %w", receiptID, err)
	}
	return erased, nil
}

// FinishErasure takes the last rows, destroys the keys and closes the receipt, in one
// transaction, and reports whether it could: false while any other row remains.
// [ErrEraseWaits] while the account's rows wait for another link's erasure.
func (s *Store) FinishErasure(ctx context.Context, receiptID uuid.UUID) (receipt db.Receipt, done bool, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		var err error
		receipt, done, err = finishErasure(ctx, q, receiptID)
		return err
	})
	if err != nil {
		return db.Receipt{}, false, fmt.Errorf("finish erasure for receipt %s: %w", receiptID, err)
	}
	return receipt, done, nil
}

func finishErasure(ctx context.Context, q *db.Queries, receiptID uuid.UUID) (db.Receipt, bool, error) {
	receipt, scope, err := decide(ctx, q, receiptID)
	if err != nil || receipt.FinishedAt != nil {
		return receipt, err == nil, err
	}
	remaining, err := countRows(ctx, q, receipt, scope)
	// The last three hold the fence and the decision up to this transaction.
	if err != nil || remaining.without("links", "credentials", "accounts").sum() > 0 {
		return receipt, false, err
	}
	if err := eraseLastRows(ctx, q, receipt, scope); err != nil {
		return receipt, false, err
	}
	after, err := countRows(ctx, q, receipt, scope)
	if err != nil {
		return receipt, false, err
	}
	if left := after.sum(); left > 0 {
		return receipt, false, fmt.Errorf("%d rows came up while finishing", left)
	}
	destroyed, err := destroyKeys(ctx, q, refOf(receipt), receipt.OrgID, scope)
	if err != nil {
		return receipt, false, err
	}
	rowsAfter, err := after.json()
	if err != nil {
		return receipt, false, err
	}
	if receipt, err = q.FinishReceipt(ctx, receiptID, rowsAfter, destroyed); err != nil {
		return receipt, false, fmt.Errorf("close receipt: %w", err)
	}
	return receipt, true, audit(ctx, q, Entry{
		OrgID: &receipt.OrgID, Actor: "deboard", Action: "link erased", Object: refOf(receipt).String(),
		Detail: map[string]any{"receipt": receiptID},
	})
}

func eraseLastRows(ctx context.Context, q *db.Queries, receipt db.Receipt, scope erasure) error {
	name, account := receipt.Provider, receipt.AccountID
	if _, err := q.EraseLink(ctx, name, account, receipt.OrgID); err != nil {
		return fmt.Errorf("links: %w", err)
	}
	if !scope.account {
		return nil
	}
	if receipt.TokenOutcome == TokenKept {
		return errors.New("the account's grant was not handed over for revocation")
	}
	links, err := q.LinksOfAccount(ctx, name, account)
	if err != nil {
		return fmt.Errorf("links: %w", err)
	}
	if len(links) > 0 {
		return ErrEraseWaits
	}
	if _, err := q.EraseCredential(ctx, name, account); err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if _, err := q.EraseAccount(ctx, name, account); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}

func destroyKeys(ctx context.Context, q *db.Queries, ref provider.AccountRef, org uuid.UUID, scope erasure) ([]string, error) {
	destroyed := []string{}
	for _, key := range scope.keys(ref, org) {
		had, err := q.DestroyDataKey(ctx, string(key))
		if err != nil {
			return nil, fmt.Errorf("destroy key of %s: %w", key, err)
		}
		if had == 1 {
			destroyed = append(destroyed, string(key))
		}
	}
	return destroyed, nil
}
