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

// What became of an account's grant when a link ended.
const (
	TokenKept        = "kept" // other links go on with it
	TokenPending     = "pending"
	TokenRevoked     = "revoked"
	TokenAlreadyDead = "already_dead"
	TokenGaveUp      = "gave_up"
)

// ErrGrantLost is how [Reseal] says that the pair cannot be opened by anybody.
var ErrGrantLost = errors.New("the stored token cannot be opened")

// Reseal turns a credential's sealed pair into one for its revocation. keySealed is the
// account's data key, nil where there is none.
type Reseal func(credential db.Credential, keySealed []byte) ([]byte, error)

// HandOver takes the account's grant out of the account's own data, if that is to be
// erased, so that it can be ended at the provider however long that takes. A grant that
// is lost ([ErrGrantLost]) is given up, with the reason as evidence: it must not keep the
// rest from being erased. It returns the receipt with the outcome so far; repeating it
// changes nothing.
func (s *Store) HandOver(ctx context.Context, receiptID uuid.UUID, reseal Reseal) (db.Receipt, error) {
	var receipt db.Receipt
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		var (
			scope erasure
			err   error
		)
		if receipt, scope, err = decide(ctx, q, receiptID); err != nil {
			return err
		}
		if receipt.FinishedAt != nil || receipt.TokenOutcome != TokenKept || !scope.account {
			return nil
		}
		if receipt.TokenOutcome, receipt.TokenEvidence, err = handOver(ctx, q, receipt, reseal); err != nil {
			return err
		}
		return q.SetTokenOutcome(ctx, receiptID, receipt.TokenOutcome, receipt.TokenEvidence)
	})
	if err != nil {
		return db.Receipt{}, fmt.Errorf("hand over grant for receipt %s: %w", receiptID, err)
	}
	return receipt, nil
}

func handOver(ctx context.Context, q *db.Queries, receipt db.Receipt, reseal Reseal) (outcome, evidence string, err error) {
	credential, err := q.LockCredential(ctx, receipt.Provider, receipt.AccountID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return TokenAlreadyDead, "there was no credential", nil
	case err != nil:
		return "", "", fmt.Errorf("credential: %w", err)
	case credential.State == CredentialDead:
		return TokenAlreadyDead, deref(credential.Verdict) + ": " + deref(credential.Evidence), nil
	}
	key, err := q.DataKey(ctx, string(vault.AccountScope(refOf(receipt))))
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", "", fmt.Errorf("data key: %w", err)
	}
	sealed, err := reseal(credential, key.KeySealed)
	if errors.Is(err, ErrGrantLost) {
		return TokenGaveUp, err.Error(), auditToken(ctx, q, receipt, TokenGaveUp)
	}
	if err != nil {
		return "", "", err
	}
	err = q.AddRevocation(ctx, db.AddRevocationParams{
		ReceiptID: receipt.ReceiptID, Provider: receipt.Provider, AccountID: receipt.AccountID, GrantSealed: sealed,
	})
	if err != nil {
		return "", "", fmt.Errorf("add revocation: %w", err)
	}
	return TokenPending, "", nil
}

// Revocation returns the grant that a receipt waits to see ended; [ErrNotFound] when
// nothing waits.
func (s *Store) Revocation(ctx context.Context, receiptID uuid.UUID) (db.Revocation, error) {
	row, err := s.queries().Revocation(ctx, receiptID)
	return row, notFound(err, "revocation of receipt %s", receiptID)
}

// RotateRevocation replaces the grant by the one that it was refreshed to.
func (s *Store) RotateRevocation(ctx context.Context, receiptID uuid.UUID, grantSealed []byte) error {
	return notFound(s.queries().RotateRevocation(ctx, receiptID, grantSealed), "rotate revocation of receipt %s", receiptID)
}

// SettleRevocation erases the grant and states its outcome in the receipt. It does
// nothing where nothing waits.
func (s *Store) SettleRevocation(ctx context.Context, receiptID uuid.UUID, outcome, evidence string) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		receipt, err := q.Receipt(ctx, receiptID)
		if err != nil {
			return notFound(err, "receipt")
		}
		dropped, err := q.DropRevocation(ctx, receiptID)
		if err != nil || dropped == 0 {
			return err
		}
		if err := q.SetTokenOutcome(ctx, receiptID, outcome, evidence); err != nil {
			return err
		}
		return auditToken(ctx, q, receipt, outcome)
	})
	if err != nil {
		return fmt.Errorf("settle revocation of receipt %s: %w", receiptID, err)
	}
	return nil
}

func auditToken(ctx context.Context, q *db.Queries, receipt db.Receipt, outcome string) error {
	return audit(ctx, q, Entry{
		OrgID: &receipt.OrgID, Actor: "deboard", Action: "token " + outcome, Object: refOf(receipt).String(),
		Detail: map[string]any{"receipt": receipt.ReceiptID},
	})
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
