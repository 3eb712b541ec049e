package console

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// receipt is a proof of erasure as the page shows it.
type receipt struct {
	db.Receipt
	Erased    int64 // rows
	Remaining int64
	Keys      string
	Token     string
}

func newReceipt(row db.Receipt) receipt {
	shown := receipt{Receipt: row, Keys: plural(len(row.KeysDestroyed), "key"), Token: strings.ReplaceAll(row.TokenOutcome, "_", " ")}
	before, after := sum(row.RowsBefore), sum(row.RowsAfter)
	shown.Erased, shown.Remaining = before-after, after
	return shown
}

// sum adds up the rows of all tables; counts that do not read are none.
func sum(counts []byte) int64 {
	var tables map[string]int64
	if err := json.Unmarshal(counts, &tables); err != nil {
		return 0
	}
	var total int64
	for _, rows := range tables {
		total += rows
	}
	return total
}

// call is one of the worst calls as the page shows it.
type call struct {
	Who        string
	Client     string
	Site       string
	Provider   provider.Name
	From, To   time.Time
	Minutes    int64
	BadMinutes int64
	Worst      string
	Running    bool // it was when it was read: what is shown is provisional
}

// openCalls names who was in the calls. A person whose key was destroyed since stays unnamed.
func (c *Console) openCalls(ctx context.Context, org uuid.UUID, rows []db.WorstCallsRow, sites []db.SiteMinutesRow) ([]call, error) {
	keys := map[provider.AccountRef]*vault.Key{}
	calls := make([]call, 0, len(rows))
	for _, row := range rows {
		shown := call{
			Client: macaddr.FromHardware(row.ClientMac).String(), Provider: provider.Name(row.Provider),
			From: row.JoinAt, To: row.LeaveAt, Minutes: row.Minutes, BadMinutes: row.BadMinutes, Running: row.Provisional,
			Worst: strings.ReplaceAll(strings.TrimSpace(row.WorstDirection+" "+row.WorstMetric), "_", " "),
		}
		if i := slices.IndexFunc(sites, func(s db.SiteMinutesRow) bool { return s.SiteID == row.SiteID }); i >= 0 {
			shown.Site = sites[i].Name
		}
		ref := provider.AccountRef{Provider: shown.Provider, AccountID: row.AccountID}
		key, opened := keys[ref]
		if !opened {
			var err error
			key, err = c.vault.Key(ctx, vault.LinkScope(ref, org))
			if err != nil && !errors.Is(err, vault.ErrDestroyed) {
				return nil, err
			}
			keys[ref] = key
		}
		if key != nil {
			person, err := key.OpenPerson("person_sealed", row.PersonSealed)
			if err != nil {
				return nil, err
			}
			shown.Who = person.Name.Reveal()
		}
		calls = append(calls, shown)
	}
	return calls, nil
}
