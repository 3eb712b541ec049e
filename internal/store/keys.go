package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// DataKey implements vault.Keys.
func (s *Store) DataKey(ctx context.Context, scope string) (sealed []byte, destroyed bool, err error) {
	row, err := s.queries().DataKey(ctx, scope)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read data key: %w", err)
	}
	return row.KeySealed, row.DestroyedAt != nil, nil
}

// AddDataKey implements vault.Keys.
func (s *Store) AddDataKey(ctx context.Context, scope string, sealed []byte, renew bool) (bool, error) {
	added, err := s.queries().AddDataKey(ctx, scope, sealed, renew)
	if err != nil {
		return false, fmt.Errorf("add data key: %w", err)
	}
	return added == 1, nil
}

// DestroyDataKey destroys a scope's key for good and reports whether there was one.
func (s *Store) DestroyDataKey(ctx context.Context, scope string) (bool, error) {
	destroyed, err := s.queries().DestroyDataKey(ctx, scope)
	if err != nil {
		return false, fmt.Errorf("destroy data key: %w", err)
	}
	return destroyed == 1, nil
}
