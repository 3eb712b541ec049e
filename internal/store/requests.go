package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// DefaultDailyRequests is the budget of an account whose links set none: 80 % of the
// 60,000 heavy and resource-intensive requests a day that Zoom allows a Business account
// (rate limits guide). The rest is for the account's other apps.
const DefaultDailyRequests = 48_000

// budgetCode marks the refusals that are ours and not the provider's.
const budgetCode = "budget"

// Meter counts requests before they are sent, per account and UTC day. It implements
// [provider.Meter].
type Meter struct {
	store *Store
	now   func() time.Time
}

var _ provider.Meter = (*Meter)(nil)

// NewMeter builds a meter over the store. now is the clock, time.Now where it is nil.
func NewMeter(s *Store, now func() time.Time) *Meter {
	if now == nil {
		now = time.Now
	}
	return &Meter{store: s, now: now}
}

// Reserve implements [provider.Meter]. The budget of the day is the smallest of the
// settings of the account's links. Where it is spent, the error is of kind
// [provider.RateLimited], daily, with the time until 00:00 UTC. [ErrFenced] where no link
// of the account goes on. Reservations of an account come one after the other, so that two
// categories cannot spend the same rest of a budget.
func (m *Meter) Reserve(ctx context.Context, ref provider.AccountRef, category string, n int) error {
	prepaid, day := prepaidOf(ctx, ref), utcday.Of(m.now())
	if prepaid.take(category, n, day) {
		return nil
	}
	if err := m.charge(ctx, ref, category, n, day); err != nil {
		return err
	}
	prepaid.beside(n)
	return nil
}

// charge charges requests to a day: all of them, or with an error none.
func (m *Meter) charge(ctx context.Context, ref provider.AccountRef, category string, n int, day time.Time) error {
	row, err := m.store.queries().ReserveRequests(ctx, db.ReserveRequestsParams{
		Provider: string(ref.Provider), AccountID: ref.AccountID, Day: day, Category: category, Requests: int64(n), DefaultBudget: DefaultDailyRequests,
	})
	if err == nil && !row.Linked {
		err = ErrFenced
	}
	switch {
	case err != nil:
		return fmt.Errorf("reserve requests of %s: %w", ref, err)
	case row.Granted:
		return nil
	}
	return &provider.Error{
		Kind: provider.RateLimited, Operation: "reserve requests", Code: budgetCode, Daily: true,
		RetryAfter: utcday.Next(day).Sub(m.now()), Err: errors.New("the account's daily budget is spent"),
	}
}

// SpentRequests is how many requests an account has spent on a UTC day.
func (s *Store) SpentRequests(ctx context.Context, ref provider.AccountRef, at time.Time) (int, error) {
	spent, err := s.queries().SpentRequests(ctx, string(ref.Provider), ref.AccountID, utcday.Of(at))
	if err != nil {
		return 0, fmt.Errorf("count requests of %s: %w", ref, err)
	}
	return int(spent), nil
}

// TotalRequests is how many requests an account has spent on all days that are kept.
func (s *Store) TotalRequests(ctx context.Context, ref provider.AccountRef) (int, error) {
	spent, err := s.queries().TotalRequests(ctx, string(ref.Provider), ref.AccountID)
	if err != nil {
		return 0, fmt.Errorf("count requests of %s: %w", ref, err)
	}
	return int(spent), nil
}
