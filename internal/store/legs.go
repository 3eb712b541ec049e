package store

import (
	"context"
	"fmt"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// LegPersons lists who the stored legs of a meeting are; none where it was never read.
func (s *Store) LegPersons(ctx context.Context, ref provider.AccountRef, meetingID string) ([]db.LegPersonsRow, error) {
	rows, err := s.queries().LegPersons(ctx, string(ref.Provider), ref.AccountID, meetingID)
	if err != nil {
		return nil, fmt.Errorf("read legs of a meeting of %s: %w", ref, err)
	}
	return rows, nil
}
