package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// What came of a webhook.
const (
	WebhookUnknownAccount = "unknown_account" // no link of the account goes on
	WebhookHarvested      = "harvest_triggered"
	WebhookNoHarvest      = "no_harvest" // the account has no schedule
	WebhookUnlinked       = "unlinked"
	WebhookOtherUser      = "other_user" // somebody whose grant we do not hold
	WebhookOutdated       = "outdated"   // the account was authorized again since
)

// Webhook is an event that a provider told us of.
type Webhook struct {
	provider.AccountRef
	Key       [32]byte // the same for every delivery of the event
	Event     string
	UserID    string
	MeetingID string
	At        time.Time // by the provider's clock; zero where it does not say
}

// ReceiveWebhook stores an event, once, and reports whether there is something to be done
// about it. Of an account without a link that goes on nothing is kept but that an event
// came: whoever unlinked has no rows here, whatever the provider still sends.
func (s *Store) ReceiveWebhook(ctx context.Context, w Webhook) (ours bool, err error) {
	err = s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		err := requireAccount(ctx, q, w.AccountRef)
		if errors.Is(err, ErrFenced) {
			_, err = q.AddSettledWebhook(ctx, db.AddSettledWebhookParams{
				Provider: string(w.Provider), EventKey: w.Key[:], Event: w.Event, EventAt: orNever(w.At), Outcome: WebhookUnknownAccount,
			})
			return err
		}
		if err != nil {
			return err
		}
		ours = true
		_, err = q.AddWebhook(ctx, db.AddWebhookParams{
			Provider: string(w.Provider), EventKey: w.Key[:], Event: w.Event, AccountID: &w.AccountID,
			UserID: orNull(w.UserID), MeetingID: orNull(w.MeetingID), EventAt: orNever(w.At),
		})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("store webhook %s: %w", w.Event, err)
	}
	return ours, nil
}

// OpenWebhooks returns up to maxRows events that nobody has seen to yet, oldest first,
// beginning after an event id.
func (s *Store) OpenWebhooks(ctx context.Context, after int64, maxRows int) ([]db.OpenWebhooksRow, error) {
	rows, err := s.queries().OpenWebhooks(ctx, after, int32(maxRows))
	return rows, notFound(err, "open webhooks")
}

// SettleWebhook notes what came of an event and forgets whose it was. Repeating it, or an
// event that is gone, changes nothing.
func (s *Store) SettleWebhook(ctx context.Context, id int64, outcome string) error {
	return notFound(s.queries().SettleWebhook(ctx, outcome, id), "settle webhook %d", id)
}

// SettleWebhooks does so for all of an account's events of one name up to an id.
func (s *Store) SettleWebhooks(ctx context.Context, ref provider.AccountRef, event string, upTo int64, outcome string) error {
	_, err := s.queries().SettleWebhooks(ctx, db.SettleWebhooksParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, Event: event, UpTo: upTo, Outcome: outcome,
	})
	return notFound(err, "settle webhooks of %s", ref)
}

// PurgeWebhooks erases what was settled before a time.
func (s *Store) PurgeWebhooks(ctx context.Context, before time.Time) (int64, error) {
	rows, err := s.queries().PurgeWebhooks(ctx, before)
	return rows, notFound(err, "purge webhooks")
}

func orNever(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
