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

// Act is a line of the audit log as people and programs read it. It names no person.
type Act struct {
	At     time.Time       `json:"at"`
	OrgID  *uuid.UUID      `json:"org_id"` // null: of an account that several orgs may share, or of none
	Actor  string          `json:"actor"`  // API token id, "cli" or workflow id
	Action string          `json:"action"`
	Object string          `json:"object"`
	Detail json.RawMessage `json:"detail"`
}

// NewAct shows a stored line.
func NewAct(row db.AuditLog) Act {
	return Act{At: row.At, OrgID: row.OrgID, Actor: row.Actor, Action: row.Action, Object: row.Object, Detail: row.Detail}
}

// listAudit answers with the org's lines, newest first; `since` narrows.
func (s *Server) listAudit(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	query := r.URL.Query()
	most, err := limit(query)
	if err != nil {
		return err
	}
	var since time.Time
	if text := query.Get("since"); text != "" {
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return badRequest("since: want a time like 2026-11-01T00:00:00Z")
		}
	}
	rows, err := s.store.AuditSince(r.Context(), store.ReadFilter{OrgID: who.OrgID, Limit: int32(most)}, since)
	if err != nil {
		return err
	}
	return s.writeResults(w, r, apply(rows, NewAct))
}
