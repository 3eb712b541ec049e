package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"callweave/internal/provider"
	"callweave/internal/utcday"
)

// actionTokenUsed says that an access token was used.
const actionTokenUsed = "token used"

// usesTable keeps the lines of the audit log that say so, by the day: they are most of it, and
// the only ones that expire.
const usesTable = "token_uses"

// useDays knows for which days there is room for uses.
type useDays struct {
	mu    sync.Mutex
	until time.Time
}

// readyForUses makes the days that uses are noted on, today's and those around it: the clock
// that a line is dated by is the database's. It asks the database once in a day.
func (s *Store) readyForUses(ctx context.Context, now time.Time) error {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	if now.Add(ahead).Before(s.uses.until) {
		return nil
	}
	tomorrow := utcday.Next(now)
	if err := s.ensureDays(ctx, usesTable, days{now.Add(-ahead), tomorrow}); err != nil {
		return err
	}
	s.uses.until = utcday.Next(tomorrow)
	return nil
}

// NoteUse notes in the audit log that an account's access token is used, once for a
// context of [WithActor]; nothing outside of one.
func (s *Store) NoteUse(ctx context.Context, ref provider.AccountRef) error {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock() // over the write: nobody uses it before it is noted
	if a.used[ref] {
		return nil
	}
	use, detail, err := s.useBy(ctx, a, ref)
	if err != nil {
		return err
	}
	if err := s.queries().AddTokenUse(ctx, use.Actor, use.Object, detail); err != nil {
		return fmt.Errorf("audit %q: %w", use.Action, err)
	}
	a.used[ref] = true
	return nil
}

// useBy is the line for a use, for which there is room then.
func (s *Store) useBy(ctx context.Context, a *actor, ref provider.AccountRef) (use Entry, detail []byte, err error) {
	use = Entry{Actor: "credentials", Action: actionTokenUsed, Object: ref.String()}.by(a.id)
	if err := s.readyForUses(ctx, time.Now()); err != nil {
		return use, nil, fmt.Errorf("audit %q: %w", use.Action, err)
	}
	detail, err = use.detail()
	return use, detail, err
}
