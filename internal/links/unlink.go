package links

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// ErrUnconfirmed says that the fence was not confirmed in time: ask again.
var ErrUnconfirmed = errors.New("unlinking is not confirmed yet")

// Patience is how long an unlinking waits for its fence: a worker that is being restarted
// is back by then.
const Patience = 30 * time.Second

// Flow asks a link's workflow to end; [flows.Flows] does.
type Flow interface {
	// Unlink returns when the link is fenced, whether or not its workflow was running.
	Unlink(ctx context.Context, ref provider.AccountRef, org uuid.UUID, reason string) (workflows.UnlinkResult, error)
}

// StatusStore says whether a link is there and notes who ends it; [store.Store] does.
type StatusStore interface {
	LinkStatus(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (string, error)
	WasLinked(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (bool, error)
	Audit(ctx context.Context, entry store.Entry) error
}

// Unlinker ends links. Safe for concurrent use.
type Unlinker struct {
	store StatusStore
	flow  Flow
}

// NewUnlinker builds an unlinker.
func NewUnlinker(store StatusStore, flow Flow) *Unlinker { return &Unlinker{store: store, flow: flow} }

// Unlink returns when the link is fenced: nothing is written for it any more, and its
// erasure goes on by itself. Repeating it changes nothing and is no error.
// store.ErrNotFound where there never was such a link, [ErrUnconfirmed] where the fence
// took too long. actor is an API token's id or "cli", for the audit log; reason is for the
// receipt.
func (u *Unlinker) Unlink(ctx context.Context, ref provider.AccountRef, org uuid.UUID, actor, reason string) error {
	there, err := u.there(ctx, ref, org)
	if err != nil || !there {
		return err
	}
	err = u.store.Audit(ctx, store.Entry{OrgID: &org, Actor: actor, Action: "unlink requested", Object: ref.String()})
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	_, err = u.flow.Unlink(waiting, ref, org, reason)
	if err != nil && waiting.Err() != nil {
		return fmt.Errorf("unlink %s from org %s: %w", ref, org, ErrUnconfirmed)
	}
	return err
}

// there tells a link that goes on from one that was unlinked; one that never was is
// store.ErrNotFound.
func (u *Unlinker) there(ctx context.Context, ref provider.AccountRef, org uuid.UUID) (bool, error) {
	status, err := u.store.LinkStatus(ctx, ref, org)
	if err == nil {
		return status != store.LinkUnlinking, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	was, wasErr := u.store.WasLinked(ctx, ref, org)
	if wasErr != nil {
		return false, wasErr
	}
	if !was {
		return false, err
	}
	return false, nil
}
