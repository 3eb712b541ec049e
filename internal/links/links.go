// Package links shows the links of an org as their owners see them: it opens what is
// sealed of them.
package links

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// Link is one linked account. Company and LinkedBy may name a person: they are for the
// org's own people only.
type Link struct {
	provider.AccountRef
	Company             secret.Text
	LinkedBy            secret.Text // first name
	LinkedAt            time.Time
	Status              string // active or failed
	LastStatus          string // success, failed, or "" before the first pull
	LastSyncAt          time.Time
	Errors              []string
	MissingScopes       []string
	DevicesSyncedAt     time.Time // up to when the org's device data is complete; zero before the first poll
	DevicesError        string    // what is wrong with collecting it and what to do; "" for nothing
	MaxDailyAPIRequests *int32    // nil: the default
	DiscardGuestInfo    bool
	Live                bool // meetings are shown while they run
}

// Store lists links; [store.Store] does.
type Store interface {
	LinkedAccounts(ctx context.Context, org uuid.UUID, name provider.Name) ([]db.LinkedAccountsRow, error)
}

// Reader lists links. Safe for concurrent use.
type Reader struct {
	store Store
	keys  *keyring
}

// NewReader builds a reader.
func NewReader(store Store, v *vault.Vault) *Reader {
	return &Reader{store: store, keys: newKeyring(v)}
}

// List returns an org's links that are not being unlinked, oldest first; of every provider
// where name is "".
func (r *Reader) List(ctx context.Context, org uuid.UUID, name provider.Name) ([]Link, error) {
	rows, err := r.store.LinkedAccounts(ctx, org, name)
	if err != nil {
		return nil, err
	}
	list := make([]Link, 0, len(rows))
	for _, row := range rows {
		link, whole, err := r.open(row)
		if err != nil {
			return nil, err
		}
		if whole { // else it is being erased
			list = append(list, link)
		}
	}
	return list, nil
}

// open shows a link; whole is false where a key that opens it was destroyed.
func (r *Reader) open(row db.LinkedAccountsRow) (link Link, whole bool, err error) {
	link = Link{
		AccountRef: provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: row.AccountID},
		LinkedAt:   row.LinkedAt, Status: row.Status, Errors: problems(row), MissingScopes: row.MissingScopes,
		MaxDailyAPIRequests: row.MaxDailyApiRequests, DiscardGuestInfo: row.DiscardGuestInfo, Live: row.Live,
	}
	if row.LastStatus != nil {
		link.LastStatus = *row.LastStatus
	}
	if row.LastSyncAt != nil {
		link.LastSyncAt = *row.LastSyncAt
	}
	if row.DevicesSyncedAt != nil {
		link.DevicesSyncedAt = *row.DevicesSyncedAt
	}
	if row.DevicesError != nil {
		link.DevicesError = *row.DevicesError
	}
	if row.LinkKeySealed == nil || (row.AccountKeySealed == nil && len(row.CompanySealed) > 0) {
		return link, false, nil
	}
	if len(row.CompanySealed) > 0 {
		key, err := r.keys.open(vault.AccountScope(link.AccountRef), row.AccountKeySealed)
		if err != nil {
			return link, false, err
		}
		company, err := key.Open("company_sealed", row.CompanySealed)
		if err != nil {
			return link, false, err
		}
		link.Company = secret.New(string(company))
	}
	key, err := r.keys.open(vault.LinkScope(link.AccountRef, row.OrgID), row.LinkKeySealed)
	if err != nil {
		return link, false, err
	}
	by, err := key.OpenPerson("linked_by_sealed", row.LinkedBySealed)
	if err != nil {
		return link, false, err
	}
	// The first name is all that the network's own table shows of who linked an account.
	first, _, _ := strings.Cut(strings.TrimSpace(by.Name.Reveal()), " ")
	link.LinkedBy = secret.New(first)
	return link, true, nil
}

// problems are what went wrong last, and which permissions the account's administrator
// did not give.
func problems(row db.LinkedAccountsRow) []string {
	if len(row.MissingScopes) == 0 {
		return row.Errors
	}
	return append(slices.Clone(row.Errors), "Missing permissions: "+strings.Join(row.MissingScopes, ", "))
}
