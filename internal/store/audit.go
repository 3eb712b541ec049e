package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"callweave/internal/store/db"
)

// Entry is one line of the audit log. Nothing in it names a person.
type Entry struct {
	OrgID  *uuid.UUID // nil: of no org in particular
	Actor  string     // api token id, "cli", or a part of ours such as "credentials"
	Action string     // "token refreshed", "link fenced"
	Object string     // "zoom/KkEM7orQSIWHZNFzwMLuRA"
	Detail map[string]any
}

// Audit appends to the audit log.
func (s *Store) Audit(ctx context.Context, entry Entry) error {
	return audit(ctx, s.queries(), entry)
}

// AuditLog returns the newest entries of an org, newest first.
func (s *Store) AuditLog(ctx context.Context, org uuid.UUID, maxRows int) ([]db.AuditLog, error) {
	rows, err := s.queries().AuditOfOrg(ctx, &org, int32(maxRows))
	return rows, notFound(err, "read audit log of org %s", org)
}

func audit(ctx context.Context, q *db.Queries, entry Entry) error {
	detail := []byte("{}")
	if len(entry.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(entry.Detail); err != nil {
			return fmt.Errorf("audit %q: %w", entry.Action, err)
		}
	}
	err := q.AddAudit(ctx, db.AddAuditParams{
		OrgID: entry.OrgID, Actor: entry.Actor, Action: entry.Action, Object: entry.Object, Detail: detail,
	})
	if err != nil {
		return fmt.Errorf("audit %q: %w", entry.Action, err)
	}
	return nil
}
