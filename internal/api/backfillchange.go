package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"callweave/internal/access"
	"callweave/internal/backfills"
	"callweave/internal/provider"
	"callweave/internal/store"
)

// backfillPatience is how long a change of a backfill waits for its workflow: no worker may be
// there to see to it.
const backfillPatience = 20 * time.Second

// setBackfill pauses a backfill, or has it go on.
func (s *Server) setBackfill(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	var asked struct {
		State string `json:"state"`
	}
	if err := readJSON(r, &asked); err != nil {
		return err
	}
	switch asked.State {
	case store.BackfillPaused:
		return s.changeBackfill(w, r, who, "backfill paused", backfills.Pause)
	case store.BackfillRunning:
		return s.changeBackfill(w, r, who, "backfill resumed", backfills.Resume)
	}
	return badRequest("state: want paused or running; a DELETE cancels the backfill")
}

// cancelBackfill ends a backfill. What it has read stays.
func (s *Server) cancelBackfill(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	return s.changeBackfill(w, r, who, "backfill canceled", backfills.Cancel)
}

// changeBackfill answers with the backfill when the change is done. One that has finished is
// not changed any more.
func (s *Server) changeBackfill(w http.ResponseWriter, r *http.Request, who access.Identity, action string, do backfills.Change) error {
	b, err := s.ownBackfill(r, who)
	if err != nil {
		return err
	}
	err = s.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: action, Object: b.AccountRef.String(), Detail: map[string]any{"from": b.From.UTC()},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), backfillPatience)
	defer cancel()
	switch err := do(ctx, s.store, s.backfills, b); {
	case err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) && r.Context().Err() == nil:
		return unavailable("The backfill has not answered yet: no worker may be running. Look at its state, or try again.")
	case err != nil && !errors.Is(err, store.ErrNotFound): // it finished meanwhile
		return err
	}
	after, err := s.store.Backfill(r.Context(), b.AccountRef, b.From)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, NewBackfill(after))
	return nil
}

// ownBackfill finds the backfill that a path names. Whoever else is linked to the account may
// see it; only the org that asked for it may change it, unless no other is linked.
func (s *Server) ownBackfill(r *http.Request, who access.Identity) (b store.Backfill, err error) {
	from, err := time.Parse(time.RFC3339, r.PathValue("from"))
	if err != nil {
		return b, badRequest("from: want the begin of a backfill, as it is listed, like 2026-11-01T00:00:00Z")
	}
	ref := provider.AccountRef{Provider: provider.Zoom, AccountID: r.PathValue("account_id")}
	switch text := provider.Name(r.URL.Query().Get("provider")); text {
	case "":
	case provider.Zoom, provider.Teams:
		ref.Provider = text
	default:
		return b, badRequest("provider: want zoom or teams")
	}
	status, err := s.store.LinkStatus(r.Context(), ref, who.OrgID)
	if errors.Is(err, store.ErrNotFound) || err == nil && status == store.LinkUnlinking {
		return b, notFound(ref.AccountID)
	}
	if err != nil {
		return b, err
	}
	row, err := s.store.Backfill(r.Context(), ref, from)
	if errors.Is(err, store.ErrNotFound) {
		return b, notFound(r.PathValue("from"))
	}
	if err != nil {
		return b, err
	}
	if row.FinishedAt != nil {
		return b, badRequest("from: want a backfill that has not finished; this one is %s", row.State)
	}
	own, err := s.store.MayChangeBackfill(r.Context(), row, who.OrgID)
	if err != nil {
		return b, err
	}
	if !own {
		return b, &failure{status: http.StatusForbidden, detail: "Another organization that is linked to this account, or the operator, asked for this backfill: only they may change it."}
	}
	return store.Backfill{AccountRef: ref, From: row.FromAt, To: row.ToAt, WorkflowID: row.WorkflowID, RequestedBy: who.TokenID.String()}, nil
}
