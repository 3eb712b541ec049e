package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// ReasonProvider is on receipts of what the provider said was over.
const ReasonProvider = "provider"

// verdictRevoked is on a credential that the provider's own word ended.
const verdictRevoked = "revoked"

// errNewLink says that a link came up between two looks; looking again helps.
var errNewLink = errors.New("a link came up meanwhile")

// Deauthorized is what the provider's word that our app was removed came to.
type Deauthorized struct {
	Ref     provider.AccountRef
	Outcome string      // WebhookUnlinked, or why not
	Orgs    []uuid.UUID // whose links are fenced, each with an open receipt
}

// Deauthorize ends an account's credential and fences all its links, all or nothing,
// where the stored event is about the authorization that we hold: the user is the one who
// gave it, or none is named, and it was not given again since. Holding the fences before
// anybody is told is what keeps an authorization that crosses the event from being
// unlinked by it. Repeating it returns the same links for as long as they are being erased.
func (s *Store) Deauthorize(ctx context.Context, eventID int64) (Deauthorized, error) {
	var d Deauthorized
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		event, err := q.Webhook(ctx, eventID)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && event.AccountID == nil {
			d.Outcome = WebhookUnknownAccount
			return nil
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		d.Ref = provider.AccountRef{Provider: provider.Name(event.Provider), AccountID: *event.AccountID}
		locked, err := lockOrgsOf(ctx, q, d.Ref)
		if err != nil {
			return err
		}
		credential, err := q.LockCredential(ctx, event.Provider, *event.AccountID)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			d.Outcome = WebhookUnknownAccount
			return nil
		case err != nil:
			return fmt.Errorf("credential: %w", err)
		}
		if d.Outcome = notAbout(event, credential); d.Outcome != "" {
			return nil
		}
		d.Outcome = WebhookUnlinked
		err = q.JudgeCredential(ctx, db.JudgeCredentialParams{
			Provider: event.Provider, AccountID: *event.AccountID, State: CredentialDead,
			Verdict: orNull(verdictRevoked), Evidence: orNull(event.Event),
		})
		if err != nil {
			return fmt.Errorf("end credential: %w", err)
		}
		d.Orgs, err = fenceAll(ctx, q, d.Ref, locked)
		return err
	})
	if err != nil {
		return Deauthorized{}, fmt.Errorf("deauthorize by event %d: %w", eventID, err)
	}
	return d, nil
}

// notAbout says why an event is not about the authorization that we hold; "" where it is.
func notAbout(event db.WebhookEvent, credential db.Credential) string {
	at := event.ReceivedAt
	if event.EventAt != nil {
		at = *event.EventAt
	}
	switch {
	case !at.After(credential.AuthorizedAt):
		return WebhookOutdated
	case event.UserID != nil && *event.UserID != credential.AuthorizedUserID:
		return WebhookOtherUser
	}
	return ""
}

// lockOrgsOf locks the orgs that an account is linked to, then the account: the order that
// everybody keeps to.
func lockOrgsOf(ctx context.Context, q *db.Queries, ref provider.AccountRef) ([]uuid.UUID, error) {
	links, err := q.LinksOfAccount(ctx, string(ref.Provider), ref.AccountID)
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	orgs := make([]uuid.UUID, 0, len(links))
	for _, link := range links {
		if err := lockBoth(ctx, q, provider.AccountRef{}, link.OrgID); err != nil {
			return nil, err
		}
		orgs = append(orgs, link.OrgID)
	}
	if _, err := q.LockAccount(ctx, string(ref.Provider), ref.AccountID); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	return orgs, nil
}

// fenceAll fences every link of an account whose orgs are locked.
func fenceAll(ctx context.Context, q *db.Queries, ref provider.AccountRef, locked []uuid.UUID) ([]uuid.UUID, error) {
	links, err := q.LinksOfAccount(ctx, string(ref.Provider), ref.AccountID)
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	orgs := make([]uuid.UUID, 0, len(links))
	for _, link := range links {
		if !slices.Contains(locked, link.OrgID) {
			return nil, errNewLink
		}
		if _, err := fence(ctx, q, ref, link.OrgID, "webhook", ReasonProvider); err != nil {
			return nil, err
		}
		orgs = append(orgs, link.OrgID)
	}
	return orgs, nil
}
