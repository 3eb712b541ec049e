package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// LinkedAccounts lists the links of an org that are not being unlinked, oldest first; of
// every provider where name is "".
func (s *Store) LinkedAccounts(ctx context.Context, org uuid.UUID, name provider.Name) ([]db.LinkedAccountsRow, error) {
	rows, err := s.queries().LinkedAccounts(ctx, org, string(name))
	return rows, notFound(err, "list links of org %s", org)
}

// LinkStatus returns active, failed or unlinking; [ErrNotFound] where there is no link.
func (s *Store) LinkStatus(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (string, error) {
	status, err := s.queries().LinkStatus(ctx, string(ref.Provider), ref.AccountID, org)
	return status, notFound(err, "link %s of org %s", ref, org)
}

// WasLinked reports whether a receipt says that the org once unlinked the account.
func (s *Store) WasLinked(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (bool, error) {
	was, err := s.queries().WasLinked(ctx, string(ref.Provider), ref.AccountID, org)
	return was, notFound(err, "receipts of %s", ref)
}

// AccountHasLinks reports whether any org is linked to the account.
func (s *Store) AccountHasLinks(ctx context.Context, ref provider.AccountRef) (bool, error) {
	has, err := s.queries().AccountHasLinks(ctx, string(ref.Provider), ref.AccountID)
	return has, notFound(err, "links of %s", ref)
}

// LinkSettings is what an org decides about a link; nil leaves a setting as it is.
type LinkSettings struct {
	MaxDailyAPIRequests *int32
	DiscardGuestInfo    *bool
	Live                *bool // show meetings while they run, as provisional
}

// SetLinkSettings changes the settings of a link; [ErrNotFound] where there is none or it
// is being unlinked.
func (s *Store) SetLinkSettings(ctx context.Context, ref provider.AccountRef, org uuid.UUID, settings LinkSettings) error {
	changed, err := s.queries().SetLinkSettings(ctx, db.SetLinkSettingsParams{
		MaxDailyApiRequests: settings.MaxDailyAPIRequests, DiscardGuestInfo: settings.DiscardGuestInfo, Live: settings.Live,
		Provider: string(ref.Provider), AccountID: ref.AccountID, OrgID: org,
	})
	if err == nil && changed == 0 {
		return notFound(pgx.ErrNoRows, "link %s of org %s", ref, org)
	}
	return notFound(err, "settings of link %s of org %s", ref, org)
}

// ReadFilter narrows what operators list. Zero fields do not narrow.
type ReadFilter struct {
	OrgID     uuid.UUID
	AccountID string
	Limit     int32
}

func (f ReadFilter) org() *uuid.UUID {
	if f.OrgID == uuid.Nil {
		return nil
	}
	return &f.OrgID
}

// Receipts lists the proofs of erasure, newest first.
func (s *Store) Receipts(ctx context.Context, filter ReadFilter) ([]db.Receipt, error) {
	rows, err := s.queries().Receipts(ctx, filter.org(), filter.AccountID, filter.Limit)
	return rows, notFound(err, "list receipts")
}

// QuarantinedMeetings lists the meetings that could not be read, newest first.
func (s *Store) QuarantinedMeetings(ctx context.Context, filter ReadFilter) ([]db.QuarantinedMeetingsRow, error) {
	rows, err := s.queries().QuarantinedMeetings(ctx, filter.AccountID, filter.org(), filter.Limit)
	return rows, notFound(err, "list quarantined meetings")
}
