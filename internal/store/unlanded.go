package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// KeepGrant keeps what the code was exchanged for until it has landed or is revoked, and
// erases the code: a code works once, so its yield must survive us. [ErrNotFound] where the
// authorization does not go on: then nothing is kept.
func (s *Store) KeepGrant(ctx context.Context, id uuid.UUID, grantSealed []byte) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		of, err := q.ForgetCode(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := q.AddUnlandedGrant(ctx, id, of.Provider, grantSealed); err != nil {
			return err
		}
		return audit(ctx, q, Entry{
			OrgID: &of.OrgID, Actor: of.RequestedBy, Action: "code exchanged", Object: of.Provider,
			Detail: map[string]any{"authorization": id},
		})
	})
	if err != nil {
		return fmt.Errorf("keep grant of authorization %s: %w", id, err)
	}
	return nil
}

// UnlandedGrant returns the grant of an authorization that has neither landed nor been
// revoked; [ErrNotFound] where there is none.
func (s *Store) UnlandedGrant(ctx context.Context, id uuid.UUID) (db.UnlandedGrant, error) {
	row, err := s.queries().UnlandedGrant(ctx, id)
	return row, notFound(err, "grant of authorization %s", id)
}

// ReplaceUnlandedGrant replaces such a grant by what it was refreshed to; [ErrNotFound]
// where there is none any more.
func (s *Store) ReplaceUnlandedGrant(ctx context.Context, id uuid.UUID, grantSealed []byte) error {
	rows, err := s.queries().KeepUnlandedGrant(ctx, grantSealed, false, id)
	if err == nil && rows == 0 {
		err = pgx.ErrNoRows
	}
	return notFound(err, "replace grant of authorization %s", id)
}

// NoteAuthorization notes why an authorization that goes on is not linked yet.
func (s *Store) NoteAuthorization(ctx context.Context, id uuid.UUID, code string) error {
	return notFound(s.queries().NoteAuthorization(ctx, id, &code), "note authorization %s", id)
}

// RefuseAuthorization ends an attempt with a stable code of why, and erases its secrets but
// for a grant that is to be revoked, and reports whether there is one. A grant that the
// account's other links live by is theirs and is not. An attempt that has ended already is
// left as it is.
func (s *Store) RefuseAuthorization(ctx context.Context, id uuid.UUID, code string) (left bool, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if _, err := q.RefuseAuthorization(ctx, id, &code); err != nil {
			return err
		}
		if err := q.DropSharedGrant(ctx, id); err != nil {
			return fmt.Errorf("drop grant: %w", err)
		}
		_, err := q.UnlandedGrant(ctx, id)
		left = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("refuse authorization %s: %w", id, err)
	}
	return left, nil
}

// SettleUnlandedGrant erases a grant that no link came of, and says in the audit log what
// became of it at the provider. It does nothing where there is none any more.
func (s *Store) SettleUnlandedGrant(ctx context.Context, id uuid.UUID, outcome, evidence string) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		row, err := q.UnlandedGrant(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := q.DropUnlandedGrant(ctx, id); err != nil {
			return err
		}
		return audit(ctx, q, Entry{
			Actor: "authorize", Action: "token " + outcome, Object: row.Provider,
			Detail: map[string]any{"authorization": id, "evidence": evidence},
		})
	})
	if err != nil {
		return fmt.Errorf("settle grant of authorization %s: %w", id, err)
	}
	return nil
}
