package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// staleOffersKept is how long an authorization that nobody used is kept to tell its late
// user what happened.
const staleOffersKept = 24 * time.Hour

// OfferAuthorization records that an authorization URL was handed out, and to whom, and forgets the
// org's offers that expired long ago.
func (s *Store) OfferAuthorization(ctx context.Context, offer db.OfferAuthorizationParams) error {
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if err := q.DropStaleOffers(ctx, offer.OrgID, time.Now().Add(-staleOffersKept)); err != nil {
			return fmt.Errorf("drop stale offers: %w", err)
		}
		if err := q.OfferAuthorization(ctx, offer); err != nil {
			return err
		}
		return audit(ctx, q, Entry{
			OrgID: &offer.OrgID, Actor: offer.RequestedBy, Action: "authorization offered", Object: offer.Provider,
			Detail: map[string]any{"authorization": offer.AuthorizationID},
		})
	})
	return notFound(err, "offer authorization %s", offer.AuthorizationID)
}

// OfferedAuthorization returns an authorization of an org and a provider; [ErrNotFound]
// where there is none.
func (s *Store) OfferedAuthorization(ctx context.Context, id, org uuid.UUID, provider string) (db.Authorization, error) {
	row, err := s.queries().OfferedAuthorization(ctx, id, org, provider)
	return row, notFound(err, "authorization %s", id)
}

// ReturnAuthorization keeps the sealed code of an offered authorization and reports
// whether it was this call that did: an offer is answered once, and not after it expired.
func (s *Store) ReturnAuthorization(ctx context.Context, id uuid.UUID, codeSealed []byte, now time.Time) (bool, error) {
	changed, err := s.queries().ReturnAuthorization(ctx, codeSealed, now, id)
	return changed == 1, notFound(err, "return authorization %s", id)
}

// DenyAuthorization records why an offered authorization was refused at the provider, and
// reports whether it was this call that did.
func (s *Store) DenyAuthorization(ctx context.Context, id uuid.UUID, code string, now time.Time) (bool, error) {
	changed, err := s.queries().DenyAuthorization(ctx, &code, now, id)
	return changed == 1, notFound(err, "deny authorization %s", id)
}
