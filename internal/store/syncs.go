package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// KeepsGuests reports whether what identifies guests may be stored for an account: at
// least one link that goes on does not discard it. Data is harvested once for all links,
// so a link that discards guests does not keep others from having them; what is woven
// for it leaves them out. [ErrFenced] where no link goes on.
func (s *Store) KeepsGuests(ctx context.Context, ref provider.AccountRef) (bool, error) {
	row, err := s.queries().HarvestedAccount(ctx, string(ref.Provider), ref.AccountID)
	if err == nil && row.Links == 0 {
		err = ErrFenced
	}
	if err != nil {
		return false, fmt.Errorf("read links of %s: %w", ref, err)
	}
	return row.KeepGuests, nil
}

// LinksSynced notes how a harvest ended on every active link of the account and returns
// the orgs linked. No errors is success.
func (s *Store) LinksSynced(ctx context.Context, ref provider.AccountRef, now time.Time, problems []string) ([]uuid.UUID, error) {
	if problems == nil {
		problems = []string{}
	}
	orgs, err := s.queries().LinksSynced(ctx, db.LinksSyncedParams{
		Success: len(problems) == 0, Now: now, Errors: problems, Provider: string(ref.Provider), AccountID: ref.AccountID,
	})
	if err != nil {
		return nil, fmt.Errorf("note harvest of %s: %w", ref, err)
	}
	return orgs, nil
}

// HarvestedOrgs lists the orgs that what was harvested of an account is woven for, without
// noting anything on their links.
func (s *Store) HarvestedOrgs(ctx context.Context, ref provider.AccountRef) ([]uuid.UUID, error) {
	orgs, err := s.queries().HarvestedOrgs(ctx, string(ref.Provider), ref.AccountID)
	if err != nil {
		return nil, fmt.Errorf("read orgs of %s: %w", ref, err)
	}
	return orgs, nil
}
