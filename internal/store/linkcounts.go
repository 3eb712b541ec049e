package store

import (
	"context"
	"fmt"
	"time"

	"callweave/internal/store/db"
)

// The kinds of data that [Store.DataAges] tells apart.
const (
	AgeOfActive   = "active"  // what is harvested of accounts with an active link
	AgeOfFailed   = "failed"  // of accounts that somebody must link again
	AgeOfNetworks = "network" // what is polled of orgs with an active link
)

// AgeLimits are what [DataAge.Older] counts beyond.
type AgeLimits [4]time.Duration

// DataAge is how old data of a kind is.
type DataAge struct {
	Kind   string
	Count  int       // accounts, or orgs
	Oldest time.Time // since when the one that waits the longest has nothing newer
	Older  [len(AgeLimits{})]int
}

// DataAges tells how old data is, and of how many accounts and orgs it is older than the limits.
func (s *Store) DataAges(ctx context.Context, now time.Time, limits AgeLimits) ([]DataAge, error) {
	rows, err := s.queries().DataAges(ctx, db.DataAgesParams{
		T1: now.Add(-limits[0]), T2: now.Add(-limits[1]), T3: now.Add(-limits[2]), T4: now.Add(-limits[3]),
	})
	if err != nil {
		return nil, fmt.Errorf("read ages of data: %w", err)
	}
	ages := make([]DataAge, len(rows))
	for i, row := range rows {
		ages[i] = DataAge{Kind: row.Kind, Count: int(row.Count), Oldest: row.Oldest}
		for j := range min(len(row.Older), len(limits)) {
			ages[i].Older[j] = int(row.Older[j])
		}
	}
	return ages, nil
}

// LinkCounts counts links by status.
func (s *Store) LinkCounts(ctx context.Context) (map[string]int, error) {
	rows, err := s.queries().LinkCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count links: %w", err)
	}
	counts := make(map[string]int, len(rows))
	for _, row := range rows {
		counts[row.Status] = int(row.Links)
	}
	return counts, nil
}

// CredentialCounts counts credentials by the last verdict on them, "ok" where there is none.
func (s *Store) CredentialCounts(ctx context.Context) (map[string]int, error) {
	rows, err := s.queries().CredentialCounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count credentials: %w", err)
	}
	counts := make(map[string]int, len(rows))
	for _, row := range rows {
		counts[row.Verdict] = int(row.Credentials)
	}
	return counts, nil
}

// UnfinishedErasure is how many erasures have something left of a kind, and since when the
// first of them.
type UnfinishedErasure struct {
	Stage    string // rows, token or histories
	Erasures int
	Since    time.Time
}

// UnfinishedErasures counts the erasures that are not over.
func (s *Store) UnfinishedErasures(ctx context.Context) ([]UnfinishedErasure, error) {
	rows, err := s.queries().UnfinishedErasures(ctx)
	if err != nil {
		return nil, fmt.Errorf("count unfinished erasures: %w", err)
	}
	unfinished := make([]UnfinishedErasure, len(rows))
	for i, row := range rows {
		unfinished[i] = UnfinishedErasure{Stage: row.Stage, Erasures: int(row.Erasures), Since: row.Since}
	}
	return unfinished, nil
}

// StaleAccounts are linked accounts that brought nothing new since a time, the longest first, by
// the measure of [Store.DataAges].
func (s *Store) StaleAccounts(ctx context.Context, before time.Time, maxRows int) ([]db.StaleAccountsRow, error) {
	rows, err := s.queries().StaleAccounts(ctx, before, int32(maxRows))
	if err != nil {
		return nil, fmt.Errorf("list stale accounts: %w", err)
	}
	return rows, nil
}
