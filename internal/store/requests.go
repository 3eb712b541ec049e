package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
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

// The three statements of a reservation, sent at once as one transaction: a request costs
// one round trip to the database before it costs one to the provider.
const (
	fenceReservation = `select true from links
		where provider = $1 and account_id = $2 and status <> 'unlinking'
		limit 1
		for share`
	// One reservation of an account at a time, until the transaction ends.
	lockReservations = `select pg_advisory_xact_lock(hashtextextended('requests/' || $1::text || '/' || $2::text, 0))`
	// Charges n requests unless the day's budget does not hold them: then no row. The budget
	// is the smallest setting of the account's links that go on; without any there is none.
	reserveRequests = `with budget as (
			select min(coalesce(max_daily_api_requests, $6::integer))::bigint as requests
			from links where provider = $1 and account_id = $2 and status <> 'unlinking'
		), spent as (
			select coalesce(sum(spent), 0)::bigint as requests from api_requests
			where provider = $1 and account_id = $2 and day = $3
		)
		insert into api_requests as r (provider, account_id, day, category, spent)
		select $1, $2, $3, $4, $5::bigint from budget, spent
		where spent.requests + $5::bigint <= budget.requests
		on conflict (provider, account_id, day, category) do update set spent = r.spent + excluded.spent
		returning true`
)

// Reserve implements [provider.Meter]. The budget of the day is the smallest of the
// settings of the account's links. Where it is spent, the error is of kind
// [provider.RateLimited], daily, with the time until 00:00 UTC. [ErrFenced] where no link
// of the account goes on. Reservations of an account come one after the other, so that two
// categories cannot spend the same rest of a budget.
func (m *Meter) Reserve(ctx context.Context, ref provider.AccountRef, category string, n int) error {
	prepaid := prepaidOf(ctx, ref)
	if prepaid.take(category, n) {
		return nil
	}
	now := m.now().UTC()
	day := now.Truncate(24 * time.Hour)
	name, account := string(ref.Provider), ref.AccountID
	granted := false
	var batch pgx.Batch
	batch.Queue(fenceReservation, name, account).QueryRow(func(row pgx.Row) error {
		return fenced(row.Scan(nil), "links of %s", ref)
	})
	batch.Queue(lockReservations, name, account)
	batch.Queue(reserveRequests, name, account, day, category, int64(n), DefaultDailyRequests).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&granted)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err //nolint:wrapcheck // below
	})
	err := m.store.pool.SendBatch(ctx, &batch).Close()
	switch {
	case err != nil:
		return fmt.Errorf("reserve requests of %s: %w", ref, err)
	case granted:
		prepaid.beside(n)
		return nil
	}
	return &provider.Error{
		Kind: provider.RateLimited, Operation: "reserve requests", Code: budgetCode, Daily: true,
		RetryAfter: day.Add(24 * time.Hour).Sub(now), Err: errors.New("the account's daily budget is spent"),
	}
}

// SpentRequests is how many requests an account has spent on a UTC day.
func (s *Store) SpentRequests(ctx context.Context, ref provider.AccountRef, at time.Time) (int, error) {
	spent, err := s.queries().SpentRequests(ctx, string(ref.Provider), ref.AccountID, at.UTC().Truncate(24*time.Hour))
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
