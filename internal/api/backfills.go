package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"callweave/internal/access"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/workflows"
)

// Backfill is a time of an account's past that somebody asked for.
type Backfill struct {
	Provider    string          `json:"provider"`
	AccountID   string          `json:"account_id"`
	From        time.Time       `json:"from"`
	To          time.Time       `json:"to"`
	State       string          `json:"state"` // running, paused, done, canceled
	WorkflowID  string          `json:"workflow_id"`
	RequestedBy string          `json:"requested_by"` // API token id, "cli" or workflow id
	RequestedAt time.Time       `json:"requested_at"`
	PausedAt    *time.Time      `json:"paused_at"`
	FinishedAt  *time.Time      `json:"finished_at"`
	Outcome     json.RawMessage `json:"outcome"` // counts and causes; null until it has finished
}

// NewBackfill shows a stored one.
func NewBackfill(row db.Backfill) Backfill {
	b := Backfill{
		Provider: row.Provider, AccountID: row.AccountID, From: row.FromAt.UTC(), To: row.ToAt.UTC(), State: row.State, WorkflowID: row.WorkflowID,
		RequestedBy: row.RequestedBy, RequestedAt: row.RequestedAt, PausedAt: row.PausedAt, FinishedAt: row.FinishedAt, Outcome: row.Outcome,
	}
	if len(b.Outcome) == 0 {
		b.Outcome = json.RawMessage("null")
	}
	return b
}

func (s *Server) listBackfills(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	filter, err := ledgerFilter(r, who)
	if err != nil {
		return err
	}
	rows, err := s.store.Backfills(r.Context(), filter)
	if err != nil {
		return err
	}
	return s.writeResults(w, r, apply(rows, NewBackfill))
}

// backfillRequest is what is asked for; provider may be left out.
type backfillRequest struct {
	Provider  string    `json:"provider"`
	AccountID string    `json:"account_id"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
}

// startBackfill answers when the backfill's workflow is started. One of the same account and
// begin that is at work is joined.
func (s *Server) startBackfill(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	var asked backfillRequest
	if err := readJSON(r, &asked); err != nil {
		return err
	}
	if asked.Provider == "" {
		asked.Provider = string(provider.Zoom)
	}
	in := workflows.BackfillInput{
		AccountRef: provider.AccountRef{Provider: provider.Name(asked.Provider), AccountID: asked.AccountID},
		From:       asked.From.Truncate(time.Second), To: asked.To.Truncate(time.Second), RequestedBy: who.TokenID.String(),
	}
	if err := in.ValidAt(time.Now()); err != nil {
		return badRequest("%s", err)
	}
	status, err := s.store.LinkStatus(r.Context(), in.AccountRef, who.OrgID)
	if errors.Is(err, store.ErrNotFound) || err == nil && status == store.LinkUnlinking {
		return notFound(in.AccountID)
	}
	if err != nil {
		return err
	}
	if there, err := s.store.Backfill(r.Context(), in.AccountRef, in.From); err == nil && there.FinishedAt == nil && !there.ToAt.Equal(in.To) {
		return badRequest("from: a backfill from this time to %s is %s", there.ToAt.UTC().Format(time.RFC3339), there.State)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	err = s.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: "backfill asked for", Object: in.AccountRef.String(),
		Detail: map[string]any{"from": in.From.UTC(), "to": in.To.UTC()},
	})
	if err != nil {
		return err
	}
	id, err := s.backfills.Backfill(r.Context(), in)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, map[string]any{
		"workflow_id": id, "provider": in.Provider, "account_id": in.AccountID, "from": in.From.UTC(), "to": in.To.UTC(),
	})
	return nil
}
