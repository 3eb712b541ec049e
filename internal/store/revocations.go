package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// What became of an account's grant when a link ended.
const (
	TokenKept        = "kept" // other links go on with it
	TokenPending     = "pending"
	TokenRevoked     = "revoked"
	TokenAlreadyDead = "already_dead"
	TokenGaveUp      = "gave_up"
)

// HandOver takes the account's grant out of the account's own data, if that is to be
// erased, so that it can be ended at the provider however long that takes. reseal turns
// the credential's sealed pair into one for the revocation. It returns the receipt with
// the outcome so far; repeating it changes nothing.
func (s *Store) HandOver(ctx context.Context, receiptID uuid.UUID, reseal func(db.Credential) ([]byte, error)) (db.Receipt, error) {
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
		credential, err := q.LockCredential(ctx, receipt.Provider, receipt.AccountID)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			receipt.TokenOutcome, receipt.TokenEvidence = TokenAlreadyDead, "there was no credential"
		case err != nil:
			return fmt.Errorf("credential: %w", err)
		case credential.State == CredentialDead:
			receipt.TokenOutcome, receipt.TokenEvidence = TokenAlreadyDead, deref(credential.Verdict)+": "+deref(credential.Evidence)
		default:
			sealed, err := reseal(credential)
			if err != nil {
				return err
			}
			err = q.AddRevocation(ctx, db.AddRevocationParams{
				ReceiptID: receiptID, Provider: receipt.Provider, AccountID: receipt.AccountID, GrantSealed: sealed,
			})
			if err != nil {
				return fmt.Errorf("add revocation: %w", err)
			}
			receipt.TokenOutcome = TokenPending
		}
		return q.SetTokenOutcome(ctx, receiptID, receipt.TokenOutcome, receipt.TokenEvidence)
	})
	if err != nil {
		return db.Receipt{}, fmt.Errorf("hand over grant for receipt %s: %w", receiptID, err)
	}
	return receipt, nil
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
		return audit(ctx, q, Entry{
			OrgID: &receipt.OrgID, Actor: "deboard", Action: "token " + outcome, Object: refOf(receipt).String(),
			Detail: map[string]any{"receipt": receiptID},
		})
	})
	if err != nil {
		return fmt.Errorf("settle revocation of receipt %s: %w", receiptID, err)
	}
	return nil
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
