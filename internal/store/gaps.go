package store

import (
	"context"
	"fmt"
	"time"

	"callweave/internal/forecast"
	"callweave/internal/provider"
	"callweave/internal/store/db"
)

const (
	// pacePerHour is about what a harvest sends while there is something to read: ten requests
	// a second, which is what a few readers get from a provider that answers in some tenths of one.
	pacePerHour = 36_000
	// aDay is what the demand on an account's budget is known from.
	aDay = 24 * time.Hour
	// listRequests is what a window costs at least: a list of meetings of several, one of meetings of one.
	listRequests = 2
)

// Gaps lists the windows that are not listed and the meetings that are not read, newest
// first.
func (s *Store) Gaps(ctx context.Context, filter ReadFilter) ([]db.GapsRow, error) {
	rows, err := s.queries().Gaps(ctx, db.GapsParams{
		MaxAttempts: maxWindowAttempts, AccountID: filter.AccountID, OrgID: filter.org(), MaxRows: filter.Limit,
	})
	return rows, notFound(err, "list gaps")
}

// Budget is an account's requests of a day, by UTC, and what becomes of them.
type Budget struct {
	provider.AccountRef
	Requests    int // the day's
	Spent       int
	Owed        int // by what is due, and about by what is to be listed
	MeetingsDue int
	OpenWindows int
	forecast.Forecast
}

// Budget returns an account's budget at a time.
func (s *Store) Budget(ctx context.Context, ref provider.AccountRef, now time.Time) (Budget, error) {
	row, err := s.queries().Budget(ctx, db.BudgetParams{
		DefaultBudget: DefaultDailyRequests, Provider: string(ref.Provider), AccountID: ref.AccountID,
		Day: now.UTC().Truncate(aDay), Now: now, Since: now.Add(-aDay), MaxAttempts: maxWindowAttempts,
	})
	if err != nil {
		return Budget{}, fmt.Errorf("budget of %s: %w", ref, err)
	}
	demand := float64(row.ReadLately + listRequests*row.ListedLately)
	// What windows will show is not known: about what a time of that length brought lately.
	unseen := float64(row.ReadLately) * row.OpenHours / aDay.Hours()
	b := Budget{
		AccountRef: ref, Requests: int(row.Budget), Spent: int(row.Spent), MeetingsDue: int(row.MeetingsDue), OpenWindows: int(row.OpenWindows),
		Owed: int(row.OwedByMeetings) + listRequests*int(row.OpenWindows) + int(unseen),
	}
	b.Forecast = forecast.Of(forecast.Input{
		Now: now, Budget: b.Requests, SpentToday: b.Spent, Owed: b.Owed, DemandADay: demand, PacePerHour: pacePerHour,
	})
	return b, nil
}

// Budgets returns the budgets of the accounts that are harvested.
func (s *Store) Budgets(ctx context.Context, filter ReadFilter, now time.Time) ([]Budget, error) {
	rows, err := s.queries().AccountsWithLinks(ctx, filter.AccountID, filter.org(), filter.Limit)
	if err != nil {
		return nil, fmt.Errorf("list linked accounts: %w", err)
	}
	budgets := make([]Budget, len(rows))
	for i, row := range rows {
		ref := provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}
		if budgets[i], err = s.Budget(ctx, ref, now); err != nil {
			return nil, err
		}
	}
	return budgets, nil
}

// TightBudgets returns the budgets of the accounts that have spent the largest parts of
// theirs today.
func (s *Store) TightBudgets(ctx context.Context, now time.Time, limit int) ([]Budget, error) {
	rows, err := s.queries().MostSpent(ctx, now.UTC().Truncate(aDay), DefaultDailyRequests, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("list spent budgets: %w", err)
	}
	budgets := make([]Budget, len(rows))
	for i, row := range rows {
		ref := provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID}
		if budgets[i], err = s.Budget(ctx, ref, now); err != nil {
			return nil, err
		}
	}
	return budgets, nil
}

// GapCount is how many gaps there are of a kind and cause, over all accounts.
type GapCount struct {
	Kind  string // window or meeting
	State string
	Cause string // an error type; "" where nothing went wrong yet
	Gaps  int
	Since time.Time // the oldest
}

// GapCounts counts all gaps.
func (s *Store) GapCounts(ctx context.Context) ([]GapCount, error) {
	rows, err := s.queries().GapCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count gaps: %w", err)
	}
	counts := make([]GapCount, len(rows))
	for i, row := range rows {
		counts[i] = GapCount{Kind: row.Kind, State: row.State, Cause: row.Cause, Gaps: int(row.Gaps), Since: row.Since}
	}
	return counts, nil
}

// CountAllDue counts the meetings of all accounts that are to be read now.
func (s *Store) CountAllDue(ctx context.Context, now time.Time) (int, error) {
	count, err := s.queries().CountAllDue(ctx, now)
	if err != nil {
		return 0, fmt.Errorf("count due meetings: %w", err)
	}
	return int(count), nil
}
