package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"callweave/internal/access"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// receipt is a proof of erasure as the page shows it.
type receipt struct {
	db.Receipt
	Erased    int64 // rows
	Remaining int64
	Tables    []erasedTable
	Keys      int
	Token     string
	Done      bool // nothing is left to do
}

type erasedTable struct {
	Name          string
	Before, After int64
}

func newReceipt(row db.Receipt) receipt {
	shown := receipt{Receipt: row, Keys: len(row.KeysDestroyed), Token: tokenOutcome(row)}
	before, after := counts(row.RowsBefore), counts(row.RowsAfter)
	for table, rows := range before {
		shown.Erased += rows - after[table]
		if rows > 0 {
			shown.Tables = append(shown.Tables, erasedTable{strings.ReplaceAll(table, "_", " "), rows, after[table]})
		}
	}
	for _, rows := range after {
		shown.Remaining += rows
	}
	slices.SortFunc(shown.Tables, func(a, b erasedTable) int {
		return cmp.Or(cmp.Compare(b.Before, a.Before), strings.Compare(a.Name, b.Name))
	})
	shown.Done = row.FinishedAt != nil && row.HistoriesErasedAt != nil
	return shown
}

// counts are rows by table; what does not read is none.
func counts(raw []byte) map[string]int64 {
	var tables map[string]int64
	if err := json.Unmarshal(raw, &tables); err != nil {
		return nil
	}
	return tables
}

// tokenOutcome says what became of the access at the provider.
func tokenOutcome(row db.Receipt) string {
	if row.FinishedAt == nil && row.LastLink && row.TokenOutcome == "kept" {
		return "being given back"
	}
	switch row.TokenOutcome {
	case "revoked":
		return "given back: the provider confirmed it"
	case "already_dead":
		return "had ended already"
	case "pending":
		return "being given back"
	case "gave_up":
		return "could not be given back: the provider did not answer. Remove the app at the provider"
	case "kept":
		return "kept, because another organization uses the account"
	}
	return strings.ReplaceAll(row.TokenOutcome, "_", " ")
}

// shownReceipts bounds the page.
const shownReceipts = 50

func (c *Console) receiptsPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	receipts, err := c.receipts(r, who)
	if err != nil {
		return err
	}
	return c.show(w, r, &who, http.StatusOK, "receipts", "Receipts", receipts)
}

func (c *Console) receiptPage(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	receipts, err := c.receipts(r, who)
	if err != nil {
		return err
	}
	for _, shown := range receipts {
		if shown.ReceiptID.String() == r.PathValue("receipt_id") {
			return c.show(w, r, &who, http.StatusOK, "receipt", "Receipt", shown)
		}
	}
	c.message(w, r, &who, http.StatusNotFound, "No such receipt", "Your organization has no such receipt.")
	return nil
}

func (c *Console) receipts(r *http.Request, who access.Identity) ([]receipt, error) {
	rows, err := c.store.Receipts(r.Context(), store.ReadFilter{OrgID: who.OrgID, Limit: shownReceipts})
	receipts := make([]receipt, len(rows))
	for i, row := range rows {
		receipts[i] = newReceipt(row)
	}
	return receipts, err
}
