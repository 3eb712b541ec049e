package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// SealedPlace is a column that the master keyset seals.
type SealedPlace struct {
	Name    string
	Purpose vault.Purpose // PurposeDataKey: each under its scope, which is the row's id
	replace func(ctx context.Context, q *db.Queries, id string, sealed, resealed []byte) (int64, error)
}

// SealedPlaces lists all columns that the master keyset seals.
func SealedPlaces() []SealedPlace {
	return []SealedPlace{
		{"vault.data_keys.key_sealed", vault.PurposeDataKey, func(ctx context.Context, q *db.Queries, id string, sealed, resealed []byte) (int64, error) {
			return q.ResealDataKey(ctx, resealed, id, sealed)
		}},
		{"orgs.mist_token_sealed", vault.PurposeNetworkToken, byUUID((*db.Queries).ResealNetworkToken)},
		{"authorizations.verifier_sealed", vault.PurposeVerifier, byUUID((*db.Queries).ResealVerifier)},
		{"authorizations.code_sealed", vault.PurposeCode, byUUID((*db.Queries).ResealCode)},
		{"unlanded_grants.grant_sealed", vault.PurposeGrant, byUUID((*db.Queries).ResealGrant)},
		{"revocations.grant_sealed", vault.PurposeGrant, byUUID((*db.Queries).ResealRevocation)},
	}
}

func byUUID(query func(*db.Queries, context.Context, []byte, uuid.UUID, []byte) (int64, error)) func(context.Context, *db.Queries, string, []byte, []byte) (int64, error) {
	return func(ctx context.Context, q *db.Queries, id string, sealed, resealed []byte) (int64, error) {
		row, err := uuid.Parse(id)
		if err != nil {
			return 0, fmt.Errorf("row %q: %w", id, err)
		}
		return query(q, ctx, resealed, row, sealed)
	}
}

// CountSealed counts what the master keyset sealed, by place and by the beginning of the
// ciphertext, which vault.SealedBy reads.
func (s *Store) CountSealed(ctx context.Context) ([]db.CountSealedRow, error) {
	rows, err := s.queries().CountSealed(ctx)
	return rows, notFound(err, "count sealed values")
}

// SealedValues returns up to limit values of a place after a row's id, in the order of ids.
func (s *Store) SealedValues(ctx context.Context, place, after string, limit int) ([]db.SealedValuesRow, error) {
	rows, err := s.queries().SealedValues(ctx, place, after, int32(limit))
	return rows, notFound(err, "read sealed values of %s", place)
}

// ReplaceSealed puts a value in the place of another, if that is still there, and reports
// whether it was: whoever wrote meanwhile wins.
func (s *Store) ReplaceSealed(ctx context.Context, place SealedPlace, id string, sealed, resealed []byte) (bool, error) {
	rows, err := place.replace(ctx, s.queries(), id, sealed, resealed)
	return rows == 1, notFound(err, "replace %s", place.Name)
}
