package activities

import (
	"context"
	"fmt"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// ListMeetings lists one window of an account: meetings of several participants and of
// one. What it finds is kept page by page under the meetings' own ids, so that repeating
// it finds nothing new. What somebody asked for is read again also where it could not be
// read before. A window that cannot be listed stays in the ledger as a gap with its cause.
func (h *Harvest) ListMeetings(ctx context.Context, in workflows.ListMeetingsInput) (workflows.ListMeetingsResult, error) {
	result, err := h.listWindow(ctx, in)
	return result, toApplicationError(err)
}

func (h *Harvest) listWindow(ctx context.Context, in workflows.ListMeetingsInput) (workflows.ListMeetingsResult, error) {
	var result workflows.ListMeetingsResult
	held, claim, err := h.hold(ctx, in.AccountRef)
	if err != nil {
		return result, err
	}
	defer claim.release()
	if result.HeldBy = claim.lost(); result.HeldBy != "" {
		return result, nil
	}
	wanted, err := h.store.WindowWanted(ctx, in.AccountRef, in.Window)
	if result.Dropped = err == nil && !wanted; err != nil || result.Dropped { // its backfill was paused or canceled
		return result, err
	}
	seen, added, err := h.list(held, in)
	result.Found = added
	if result.HeldBy = claim.lost(); result.HeldBy != "" {
		return result, nil
	}
	if err == nil {
		return result, h.store.WindowListed(ctx, in.AccountRef, in.Window, seen)
	}

	cause, own := quarantinable(err)
	stop, stopped := stopOf(err)
	if !own {
		cause = workflows.ErrorType(toApplicationError(err))
	}
	if failed := h.store.WindowFailed(ctx, in.AccountRef, in.Window, cause, own); failed != nil {
		return result, failed
	}
	result.Cause, result.Stopped = cause, stop
	if own || stopped {
		return result, nil
	}
	return result, err
}

func (h *Harvest) list(ctx context.Context, in workflows.ListMeetingsInput) (seen, added int, err error) {
	session, err := h.session(ctx, in.AccountRef, provider.FeatureMeetings)
	if err != nil {
		return 0, 0, err
	}
	key, err := h.vault.Key(ctx, vault.AccountScope(in.AccountRef))
	if err != nil {
		return 0, 0, err
	}
	asked, err := h.store.WindowAsked(ctx, in.AccountRef, in.Window)
	if err != nil {
		return 0, 0, err
	}
	return h.listWith(ctx, session, key, in, asked)
}

// listWith lists a window. asked says that somebody asked for it since it was listed.
func (h *Harvest) listWith(ctx context.Context, session *session, key *vault.Key, in workflows.ListMeetingsInput, asked bool) (seen, added int, err error) {
	origin := store.OriginLive
	if asked {
		origin = store.OriginBackfill
	}
	for _, kind := range listKinds() {
		ids := map[string]bool{}
		err := session.with(ctx, func(caller provider.Caller) error {
			return session.service.ListMeetings(ctx, caller, kind, in.Window, func(page []provider.Meeting) error {
				for _, id := range idsOf(page) {
					ids[id] = true
				}
				sealed, err := sealHosts(key, page)
				if err != nil {
					return err
				}
				more, err := h.store.SeeMeetings(ctx, in.AccountRef, origin, kind, sealed, h.config.Now())
				added += more
				if err != nil || !asked || len(page) == 0 {
					return err
				}
				_, err = h.store.RetryMeetings(ctx, in.AccountRef, idsOf(page), false, h.config.Now())
				return err
			})
		})
		seen += len(ids)
		if err != nil {
			return seen, added, fmt.Errorf("list %s meetings of %s: %w", kind, in.AccountRef, err)
		}
	}
	return seen, added, nil
}

func idsOf(page []provider.Meeting) []string {
	ids := make([]string, len(page))
	for i := range page {
		ids[i] = page[i].ID
	}
	return ids
}

func sealHosts(key *vault.Key, page []provider.Meeting) ([]store.SeenMeeting, error) {
	seen := make([]store.SeenMeeting, len(page))
	for i, meeting := range page {
		sealed, err := key.SealPerson(fieldHost, meeting.Host)
		if err != nil {
			return nil, err
		}
		seen[i] = store.SeenMeeting{Meeting: meeting, HostSealed: sealed}
	}
	return seen, nil
}
