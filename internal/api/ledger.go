package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// Receipt is the proof of an erasure as people and programs read it.
type Receipt struct {
	ReceiptID     uuid.UUID       `json:"receipt_id"`
	Provider      string          `json:"provider"`
	AccountID     string          `json:"account_id"`
	OrgID         uuid.UUID       `json:"org_id"`
	Reason        string          `json:"reason"`
	FencedAt      time.Time       `json:"fenced_at"`
	FinishedAt    *time.Time      `json:"finished_at"` // null while rows remain
	RowsBefore    json.RawMessage `json:"rows_before"`
	RowsAfter     json.RawMessage `json:"rows_after"`
	KeysDestroyed []string        `json:"keys_destroyed"`
	LastLink      bool            `json:"last_link"`
	TokenOutcome  string          `json:"token_outcome"`
	TokenEvidence string          `json:"token_evidence,omitempty"`
	TokenAt       *time.Time      `json:"token_at,omitempty"`
	// What workflows remember goes when the last of them has closed.
	ExecutionsDeleted int32      `json:"executions_deleted"`
	ExecutionsLeft    *int32     `json:"executions_left"`     // null before the first look
	HistoriesErasedAt *time.Time `json:"histories_erased_at"` // null while any is left
}

// NewReceipt shows a stored receipt.
func NewReceipt(row db.Receipt) Receipt {
	return Receipt{
		ReceiptID: row.ReceiptID, Provider: row.Provider, AccountID: row.AccountID, OrgID: row.OrgID, Reason: row.Reason,
		FencedAt: row.FencedAt, FinishedAt: row.FinishedAt, RowsBefore: row.RowsBefore, RowsAfter: row.RowsAfter,
		KeysDestroyed: row.KeysDestroyed, LastLink: row.LastLink, TokenOutcome: row.TokenOutcome,
		TokenEvidence: row.TokenEvidence, TokenAt: row.TokenAt,
		ExecutionsDeleted: row.ExecutionsDeleted, ExecutionsLeft: row.ExecutionsLeft, HistoriesErasedAt: row.HistoriesErasedAt,
	}
}

func (s *Server) listReceipts(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	filter, err := ledgerFilter(r, who)
	if err != nil {
		return err
	}
	rows, err := s.store.Receipts(r.Context(), filter)
	if err != nil {
		return err
	}
	return s.writeResults(w, r, apply(rows, NewReceipt))
}

func ledgerFilter(r *http.Request, who access.Identity) (store.ReadFilter, error) {
	most, err := limit(r.URL.Query())
	return store.ReadFilter{OrgID: who.OrgID, AccountID: r.URL.Query().Get("account_id"), Limit: int32(most)}, err
}

func (s *Server) writeResults(w http.ResponseWriter, r *http.Request, results any) error {
	s.writeJSON(w, r, http.StatusOK, map[string]any{"results": results})
	return nil
}

func apply[A, B any](rows []A, show func(A) B) []B {
	shown := make([]B, len(rows))
	for i, row := range rows {
		shown[i] = show(row)
	}
	return shown
}
