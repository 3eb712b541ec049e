// Package access decides who may do what: whose token it is, and the one table of what a
// role allows.
package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// ErrUnknownToken says that a token does not exist or was revoked.
var ErrUnknownToken = errors.New("unknown token")

// Role is what a token's holder is trusted with.
type Role string

// The roles, named as in the network's own administration.
const (
	Admin    Role = "admin"
	Observer Role = "observer"
	Helpdesk Role = "helpdesk"
)

// ParseRole reads a role as users write it.
func ParseRole(text string) (Role, error) {
	switch role := Role(text); role {
	case Admin, Observer, Helpdesk:
		return role, nil
	}
	return "", fmt.Errorf("role: want %s, %s or %s, got %q", Admin, Observer, Helpdesk, text)
}

// Action is something that a role may or may not do within its org.
type Action string

// The actions.
const (
	ReadCalls   Action = "read calls"
	ExportCalls Action = "export calls" // all of an org's at once
	ReadPeople  Action = "read who was in a call, in bulk"
	ReadLinks   Action = "read links" // shows who linked an account
	ReadLedger  Action = "read gaps, backfills and receipts"
	ReadAudit   Action = "read the audit log"
	ChangeLinks Action = "link, set and unlink"

	StartBackfills Action = "have the past harvested" // spends the account's budget

	ReadSettings   Action = "read what makes a minute bad"
	ChangeSettings Action = "change what makes a minute bad"
)

// May reports whether the role allows the action.
func (r Role) May(action Action) bool {
	switch r {
	case Admin:
		return true
	case Observer:
		return slices.Contains([]Action{ReadCalls, ExportCalls, ReadLinks, ReadLedger, ReadSettings}, action)
	case Helpdesk:
		return slices.Contains([]Action{ReadCalls, ReadSettings}, action)
	}
	return false
}

// Identity is who makes a request.
type Identity struct {
	TokenID uuid.UUID
	OrgID   uuid.UUID
	Role    Role
}

// Tokens is where the hashes of tokens are kept.
type Tokens interface {
	// TokensByHash returns those tokens in force that have one of some hashes, which are asked
	// for when the statement can begin.
	TokensByHash(ctx context.Context, hashes func() [][]byte) ([]db.ApiToken, error)
	// TouchToken notes that a token was used.
	TouchToken(ctx context.Context, id uuid.UUID) error
}

// touchEvery is how exactly the last use of a token is known; in between the store need
// not be asked.
const touchEvery = time.Minute

// Gate recognises tokens. Safe for concurrent use.
type Gate struct {
	tokens  Tokens
	lookups lookups
}

// NewGate builds a gate over a store of tokens.
func NewGate(tokens Tokens) *Gate { return &Gate{tokens: tokens, lookups: lookups{tokens: tokens}} }

// Identify returns whose token has the hash and notes its use; [ErrUnknownToken] where
// it is nobody's, or was revoked before this was called.
func (g *Gate) Identify(ctx context.Context, hash []byte) (Identity, error) {
	row, found, err := g.lookups.find(ctx, hash)
	if err != nil {
		return Identity{}, fmt.Errorf("identify token: %w", err)
	}
	if !found {
		return Identity{}, ErrUnknownToken
	}
	if row.LastUsedAt == nil || time.Since(*row.LastUsedAt) >= touchEvery {
		if err := g.tokens.TouchToken(ctx, row.TokenID); err != nil {
			return Identity{}, fmt.Errorf("identify token: %w", err)
		}
	}
	return Identity{TokenID: row.TokenID, OrgID: row.OrgID, Role: Role(row.Role)}, nil
}
