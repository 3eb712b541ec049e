package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// ReadLive lists the meetings that run, for the links that want to see them, and reads each
// as far as it has come, what was never read first; one that was read within half of the
// interval is not read again. What it lands is provisional. It reads nothing more where half
// of the day's budget is spent: that is for the records. A meeting that cannot be read is left
// to its record. Repeating it reads what was not read yet.
func (h *Harvest) ReadLive(ctx context.Context, in workflows.ReadLiveInput) (workflows.ReadLiveResult, error) {
	result, err := h.live(ctx, in)
	return result, toApplicationError(err)
}

func (h *Harvest) live(ctx context.Context, in workflows.ReadLiveInput) (workflows.ReadLiveResult, error) {
	var result workflows.ReadLiveResult
	held, claim, err := h.hold(ctx, in.AccountRef)
	if err != nil {
		return stoppedLive(result, err)
	}
	defer claim.release()
	if result.HeldBy = claim.lost(); result.HeldBy != "" {
		return result, nil
	}
	batch := &readBatch{harvest: h, ref: in.AccountRef, claim: claim}
	result.Running, err = batch.runLive(held, activity.GetWorkerStopChannel(ctx))
	result.Read, result.Legs, result.MediaSamples = batch.done.Read, batch.done.Legs, batch.done.MediaSamples
	if result.HeldBy = claim.lost(); result.HeldBy != "" {
		return result, nil
	}
	return stoppedLive(result, err)
}

func stoppedLive(result workflows.ReadLiveResult, err error) (workflows.ReadLiveResult, error) {
	stop, ok := stopOf(err)
	switch {
	case !ok:
		return result, err
	case stop.Type == workflows.ErrRefused, stop.Type == workflows.ErrMissingScopes: // running meetings alone
		return result, nil
	}
	result.Stopped = stop
	return result, nil
}

// runLive returns how many meetings run, as far as it listed them.
func (b *readBatch) runLive(ctx context.Context, workerStops <-chan struct{}) (running int, err error) {
	if b.session, err = b.harvest.session(ctx, b.ref, provider.FeatureMeetings, provider.FeatureParticipants, provider.FeatureQuality); err != nil {
		return 0, err
	}
	var shows bool
	if b.live, shows = b.session.service.(provider.LiveService); !shows {
		return 0, nil
	}
	if more, err := b.affordsLive(ctx); err != nil || !more {
		return 0, err
	}
	if b.key, err = b.harvest.vault.Key(ctx, vault.AccountScope(b.ref)); err != nil {
		return 0, err
	}
	if b.keepGuests, err = b.harvest.store.KeepsGuests(ctx, b.ref); err != nil {
		return 0, err
	}
	running, due, err := b.listLive(ctx)
	if err != nil {
		return running, err
	}
	end := time.Now().Add(slice)
	_, err = b.readSome(ctx, due, func() bool { return time.Now().After(end) || isClosed(workerStops) })
	return running, err
}

// affordsLive reports whether live data is still wanted, and the budget has room for it.
func (b *readBatch) affordsLive(ctx context.Context) (bool, error) {
	wanted, room, err := b.harvest.store.LiveBudget(ctx, b.ref, b.harvest.config.Now())
	return wanted && room, err
}

func (b *readBatch) listLive(ctx context.Context) (running int, due []store.DueMeeting, err error) {
	now := b.harvest.config.Now()
	ids := map[string]bool{}
	err = b.session.with(ctx, func(caller provider.Caller) error {
		return b.live.ListLive(ctx, caller, now, func(page []provider.Meeting) error {
			page = slices.DeleteFunc(page, func(m provider.Meeting) bool { return ids[m.ID] }) // a listing that began again
			for _, id := range idsOf(page) {
				ids[id] = true
			}
			sealed, err := sealHosts(b.key, page)
			if err != nil {
				return err
			}
			more, err := b.harvest.store.SeeLiveMeetings(ctx, b.ref, sealed, now, now.Add(-b.harvest.config.Interval/2))
			due = append(due, more...)
			return err
		})
	})
	if err != nil {
		return len(ids), nil, fmt.Errorf("list running meetings of %s: %w", b.ref, err)
	}
	return len(ids), due, nil
}

// readLive reads a running meeting. One that cannot be read is left to its record: it may
// have ended this moment.
func (b *readBatch) readLive(ctx context.Context, meeting store.DueMeeting, at time.Time) (legs []provider.Leg, done bool, err error) {
	if more, err := b.affordsLive(ctx); err != nil || !more {
		return nil, false, err
	}
	err = b.session.with(ctx, func(caller provider.Caller) (err error) {
		legs, err = b.live.ReadLive(ctx, caller, meeting.ID)
		return err
	})
	if cause, ok := quarantinable(err); ok {
		if cause != workflows.ErrNotFound {
			activity.GetLogger(ctx).Warn("a running meeting cannot be read", "account_id", b.ref.AccountID, "cause", cause)
		}
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read running meeting of %s: %w", b.ref, err)
	}
	dropRunning(legs, at)
	return legs, true, nil
}

// dropRunning takes away the minutes that are not over: more will be measured in them.
func dropRunning(legs []provider.Leg, at time.Time) {
	for i := range legs {
		legs[i].Samples = slices.DeleteFunc(legs[i].Samples, func(s provider.MediaSample) bool { return s.EndAt.After(at) })
	}
}
