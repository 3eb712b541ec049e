package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// The states of a credential.
const (
	CredentialActive = "active"
	CredentialDead   = "dead"
)

// Credential returns an account's credential and whether a link that goes on still
// needs it; [ErrNotFound] where there is none.
func (s *Store) Credential(ctx context.Context, ref provider.AccountRef) (db.CredentialRow, error) {
	row, err := s.queries().Credential(ctx, string(ref.Provider), ref.AccountID)
	return row, notFound(err, "credential of %s", ref)
}

// BeginRefresh notes, before the provider is asked, that a pair of some generation is
// about to be refreshed at now. The note goes with the answer. It returns since when there
// is a note without an answer: now, or earlier where a refresh before was never answered;
// the zero time where the pair is not of that generation any more.
func (s *Store) BeginRefresh(ctx context.Context, ref provider.AccountRef, generation int64, now time.Time) (time.Time, error) {
	since, err := s.queries().BeginRefresh(ctx, db.BeginRefreshParams{
		Now: now, Provider: string(ref.Provider), AccountID: ref.AccountID, Generation: generation,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("begin refresh of %s: %w", ref, err)
	}
	return since, nil
}

// LockedCredential is an account's credential under its row lock.
type LockedCredential struct {
	db.Credential
	q   *db.Queries
	ref provider.AccountRef
}

// LockCredential calls work with the credential as it is once nobody else holds it, and
// commits what work did unless it fails. The lock is what makes a refresh single over
// all workers, so work may ask the provider meanwhile; ctx must bound it.
func (s *Store) LockCredential(ctx context.Context, ref provider.AccountRef, work func(*LockedCredential) error) error {
	return s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		row, err := q.LockCredential(ctx, string(ref.Provider), ref.AccountID)
		if err != nil {
			return notFound(err, "lock credential of %s", ref)
		}
		return work(&LockedCredential{Credential: row, q: q, ref: ref})
	})
}

// Rotation is a new pair in the place of the one before.
type Rotation struct {
	GrantSealed      []byte
	PriorGrantSealed []byte // what to fall back on until the new pair has worked
	Scopes           []string
	AccessExpiresAt  time.Time
	Verdict          string // "" when all went as it should
	Evidence         string
	UnansweredSince  time.Time // an earlier refresh was never answered; zero where none
}

// Rotate replaces the pair.
func (c *LockedCredential) Rotate(ctx context.Context, r Rotation) error {
	err := c.q.RotateCredential(ctx, db.RotateCredentialParams{
		Provider: c.Provider, AccountID: c.AccountID, GrantSealed: r.GrantSealed, PriorGrantSealed: r.PriorGrantSealed,
		Scopes: r.Scopes, AccessExpiresAt: r.AccessExpiresAt, Verdict: orNull(r.Verdict), Evidence: orNull(r.Evidence),
	})
	if err != nil {
		return fmt.Errorf("rotate credential of %s: %w", c.ref, err)
	}
	detail := map[string]any{"generation": c.Generation + 1}
	if !r.UnansweredSince.IsZero() {
		detail["unanswered_since"] = r.UnansweredSince
	}
	return audit(ctx, c.q, Entry{Actor: "credentials", Action: "token refreshed", Object: c.ref.String(), Detail: detail})
}

// Linked reports whether a link of the account goes on. A fence that was put up before the
// lock was taken is seen.
func (c *LockedCredential) Linked(ctx context.Context) (bool, error) {
	linked, err := c.q.AccountHasLinks(ctx, c.Provider, c.AccountID)
	if err != nil {
		return false, fmt.Errorf("links of %s: %w", c.ref, err)
	}
	return linked, nil
}

// ConfirmCredential drops the pair before the one of a generation, which has worked, and
// reports whether it did: not while somebody else holds the credential, nor where the pair
// was replaced since.
func (s *Store) ConfirmCredential(ctx context.Context, ref provider.AccountRef, generation int64) (bool, error) {
	rows, err := s.queries().ConfirmCredential(ctx, string(ref.Provider), ref.AccountID, generation)
	if err != nil {
		return false, fmt.Errorf("confirm credential of %s: %w", ref, err)
	}
	return rows == 1, nil
}

// Judge notes what went wrong without giving the credential up. unanswered says that the
// provider may have rotated the pair all the same: it gave no whole answer.
func (c *LockedCredential) Judge(ctx context.Context, verdict, evidence string, unanswered bool) error {
	return c.judge(ctx, db.JudgeCredentialParams{State: c.State, Verdict: orNull(verdict), Evidence: orNull(evidence), Unanswered: unanswered})
}

// NotAsked takes the note of [Store.BeginRefresh] back: the provider was not asked after
// all. unanswered says that the note is of an earlier refresh, and stays.
func (c *LockedCredential) NotAsked(ctx context.Context, unanswered bool) error {
	return c.judge(ctx, db.JudgeCredentialParams{State: c.State, Verdict: c.Verdict, Evidence: c.Evidence, Unanswered: unanswered})
}

// Kill gives the credential up and turns the account's links to failed with an error
// that their users read. It returns the orgs of those links.
func (c *LockedCredential) Kill(ctx context.Context, verdict, evidence, message string) ([]uuid.UUID, error) {
	err := c.judge(ctx, db.JudgeCredentialParams{State: CredentialDead, Verdict: orNull(verdict), Evidence: orNull(evidence)})
	if err != nil {
		return nil, err
	}
	orgs, err := c.q.FailLinks(ctx, c.Provider, c.AccountID, message)
	if err != nil {
		return nil, fmt.Errorf("fail links of %s: %w", c.ref, err)
	}
	for _, org := range orgs {
		err := audit(ctx, c.q, Entry{
			OrgID: &org, Actor: "credentials", Action: "link failed", Object: c.ref.String(),
			Detail: map[string]any{"verdict": verdict, "evidence": evidence},
		})
		if err != nil {
			return nil, err
		}
	}
	return orgs, nil
}

func (c *LockedCredential) judge(ctx context.Context, judgement db.JudgeCredentialParams) error {
	judgement.Provider, judgement.AccountID = c.Provider, c.AccountID
	return notFound(c.q.JudgeCredential(ctx, judgement), "judge credential of %s", c.ref)
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
