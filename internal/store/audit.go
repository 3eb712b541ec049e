package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// Entry is one line of the audit log. Nothing in it names a person.
type Entry struct {
	OrgID  *uuid.UUID // nil: of no org in particular
	Actor  string     // api token id, "cli", or a part of ours such as "credentials"; see WithActor
	Action string     // "token refreshed", "link fenced"
	Object string     // "zoom/KkEM7orQSIWHZNFzwMLuRA"
	Detail map[string]any
}

// operator is the actor of what is done at the command line.
const operator = "cli"

// by says which workflow did it. Whoever asked for it stays the actor; a part of ours
// makes way for the workflow.
func (e Entry) by(workflowID string) Entry {
	detail := maps.Clone(e.Detail)
	if detail == nil {
		detail = map[string]any{}
	}
	if _, err := uuid.Parse(e.Actor); err == nil || e.Actor == operator {
		detail["workflow"] = workflowID
	} else {
		detail["part"], e.Actor = e.Actor, workflowID
	}
	e.Detail = detail
	return e
}

// actor is for whom work is done, and with which credentials it was done already.
type actor struct {
	id   string
	mu   sync.Mutex
	used map[provider.AccountRef]bool
}

type actorKey struct{}

// WithActor says for whom everything is done under the context: a workflow's id. Entries
// of the audit log name it as the actor, or beside the token or operator who asked.
func WithActor(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, actorKey{}, &actor{id: id, used: map[provider.AccountRef]bool{}})
}

// Audit appends to the audit log.
func (s *Store) Audit(ctx context.Context, entry Entry) error {
	return audit(ctx, s.queries(), entry)
}

// AuditLog returns the newest entries of an org, newest first.
func (s *Store) AuditLog(ctx context.Context, org uuid.UUID, maxRows int) ([]db.AuditLog, error) {
	return s.AuditSince(ctx, ReadFilter{OrgID: org, Limit: int32(maxRows)}, time.Time{})
}

// AuditSince returns the newest entries from a moment on, newest first: of an org, with
// what was done with the credentials of its accounts, or of all where the filter has none.
// Uses of access tokens are among them, as long as they are kept; they have no id.
func (s *Store) AuditSince(ctx context.Context, filter ReadFilter, since time.Time) ([]db.AuditLog, error) {
	var (
		rows []db.AuditLog
		err  error
	)
	if filter.OrgID == uuid.Nil {
		rows, err = s.queries().AuditLog(ctx, since, filter.Limit, actionTokenUsed)
	} else {
		rows, err = s.queries().AuditOfOrg(ctx, db.AuditOfOrgParams{OrgID: filter.OrgID, Since: since, MaxRows: filter.Limit, UsedAction: actionTokenUsed})
	}
	return rows, notFound(err, "read audit log")
}

// LastAudit returns when an action on an object was noted last; [ErrNotFound] where it
// never was.
func (s *Store) LastAudit(ctx context.Context, action, object string) (time.Time, error) {
	at, err := s.queries().LastAudit(ctx, action, object)
	return at, notFound(err, "find %q in the audit log", action)
}

func audit(ctx context.Context, q *db.Queries, entry Entry) error {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok {
		entry = entry.by(a.id)
	}
	detail, err := entry.detail()
	if err != nil {
		return err
	}
	err = q.AddAudit(ctx, db.AddAuditParams{
		OrgID: entry.OrgID, Actor: entry.Actor, Action: entry.Action, Object: entry.Object, Detail: detail,
	})
	if err != nil {
		return fmt.Errorf("audit %q: %w", entry.Action, err)
	}
	return nil
}

// detail is the entry's detail as it is kept.
func (e Entry) detail() ([]byte, error) {
	if len(e.Detail) == 0 {
		return []byte("{}"), nil
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("audit %q: %w", e.Action, err)
	}
	return detail, nil
}
