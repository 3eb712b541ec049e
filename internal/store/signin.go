package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/secret"
	"callweave/internal/store/db"
)

// signInPrefix tells a code from a token.
const signInPrefix = "cwl_"

// SignInCodeLife is how long a code can be used: as long as it takes to hand it to somebody.
const SignInCodeLife = 15 * time.Minute

// IsSignInCode reports whether a text looks like a code of [Store.CreateSignInCode].
func IsSignInCode(text secret.Text) bool { return strings.HasPrefix(text.Reveal(), signInPrefix) }

// CreateSignInCode makes a code that signs one browser in, once, as the holder of a token
// of the org; [ErrNotFound] where the token does not exist or was revoked. It is stored as a
// hash only, and noted in the audit log.
func (s *Store) CreateSignInCode(ctx context.Context, org, token uuid.UUID, actor string, now time.Time) (secret.Text, error) {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails since Go 1.24
	code := secret.New(signInPrefix + base64.RawURLEncoding.EncodeToString(random))
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := q.DropStaleSignInCodes(ctx, now); err != nil {
			return err
		}
		added, err := q.AddSignInCode(ctx, db.AddSignInCodeParams{
			CodeHash: HashToken(code), ExpiresAt: now.Add(SignInCodeLife), TokenID: token, OrgID: org,
		})
		if err == nil && added == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return audit(ctx, q, Entry{OrgID: &org, Actor: actor, Action: "sign-in link created", Object: token.String()})
	})
	if err != nil {
		return secret.Text{}, fmt.Errorf("make sign-in link for token %s: %w", token, err)
	}
	return code, nil
}

// TakeSignInCode returns the token that a code signs in as, and ends the code;
// [ErrNotFound] where it was taken before, is too old, or its token was revoked.
func (s *Store) TakeSignInCode(ctx context.Context, code secret.Text, now time.Time) (token db.ApiToken, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		token, err = q.TakeSignInCode(ctx, now, HashToken(code))
		if err != nil {
			return err
		}
		return audit(ctx, q, Entry{OrgID: &token.OrgID, Actor: token.TokenID.String(), Action: "sign-in link used", Object: token.TokenID.String()})
	})
	return token, notFound(err, "sign-in code")
}

// EndSession refuses a console session from now on; expires is when it would have ended
// by itself.
func (s *Store) EndSession(ctx context.Context, id uuid.UUID, expires, now time.Time) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := q.DropExpiredSessions(ctx, now); err != nil {
			return err
		}
		return q.EndSession(ctx, id, expires)
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// SessionEnded reports whether somebody signed out of a session.
func (s *Store) SessionEnded(ctx context.Context, id uuid.UUID) (bool, error) {
	ended, err := s.queries().SessionEnded(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look for an ended session: %w", err)
	}
	return ended, nil
}
