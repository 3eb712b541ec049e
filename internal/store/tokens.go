package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/secret"
	"callweave/internal/store/db"
)

// tokenPrefix lets secret scanners and people recognise a token of ours.
const tokenPrefix = "cw_"

// tokenBytes is the entropy of a token: 256 bits need no slow hash.
const tokenBytes = 32

// HashToken is the form in which API tokens are stored and looked up: SHA-256.
func HashToken(token secret.Text) []byte {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return sum[:]
}

// CreateToken makes an API token for an org with a role (admin, observer, helpdesk) and
// returns its id and the token itself, which is stored as a hash only.
func (s *Store) CreateToken(ctx context.Context, org uuid.UUID, role string) (uuid.UUID, secret.Text, error) {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails since Go 1.24
	token := secret.New(tokenPrefix + base64.RawURLEncoding.EncodeToString(random))

	id, err := s.queries().AddToken(ctx, HashToken(token), org, role)
	if err != nil {
		return uuid.UUID{}, secret.Text{}, fmt.Errorf("create token for org %s: %w", org, err)
	}
	return id, token, nil
}

// TokenByHash returns the token of a hash (see [HashToken]) unless it was revoked;
// [ErrNotFound] where there is none.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (db.ApiToken, error) {
	token, err := s.queries().TokenByHash(ctx, hash)
	return token, notFound(err, "token")
}

// TokensByHash returns those tokens in force that have one of some hashes. These are asked for
// when there is a connection: whoever waits for one may gather more.
func (s *Store) TokensByHash(ctx context.Context, hashes func() [][]byte) ([]db.ApiToken, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up tokens: %w", err)
	}
	defer conn.Release()
	tokens, err := db.New(conn).TokensByHash(ctx, hashes())
	return tokens, notFound(err, "look up tokens")
}

// TouchToken notes that a token was used, to the minute.
func (s *Store) TouchToken(ctx context.Context, id uuid.UUID) error {
	return notFound(s.queries().TouchToken(ctx, id), "touch token %s", id)
}

// Tokens lists the tokens of an org, revoked ones too, oldest first.
func (s *Store) Tokens(ctx context.Context, org uuid.UUID) ([]db.ApiToken, error) {
	tokens, err := s.queries().TokensOfOrg(ctx, org)
	return tokens, notFound(err, "list tokens of org %s", org)
}

// RevokeToken ends a token of an org, at once, and notes by whom; [ErrNotFound] where
// there is none to end.
func (s *Store) RevokeToken(ctx context.Context, org, id uuid.UUID, actor string) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		revoked, err := q.RevokeToken(ctx, id, org)
		if err == nil && revoked == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return audit(ctx, q, Entry{OrgID: &org, Actor: actor, Action: "token revoked", Object: id.String()})
	})
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", id, err)
	}
	return nil
}
