package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

const (
	// slice is how long a batch begins new meetings. It ends well within the life that an
	// access token has left when it is given out.
	slice = 2 * time.Minute
	// readers is how many meetings of one account are read at once: with answers that take
	// a third of a second they send as many requests as a provider allows.
	readers = 8
	// seats is how many participants the meetings that are read at once have together. It
	// bounds the memory, for a meeting is held whole; a larger one is read alone.
	seats = 400
	// dueAtOnce is how many due meetings are looked up at once.
	dueAtOnce = 100
)

// quarantineDelays are the pauses before a meeting that could not be read is tried again.
// After the last try it stays in quarantine, or is gone where the provider does not know it.
func quarantineDelays() []time.Duration {
	return []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}
}

// ReadMeetings reads a batch of the meetings that are due, newest first, and lands each
// in one transaction. A meeting that cannot be read is quarantined with its cause and the
// rest goes on. Repeating it reads what is still due; a worker that stops finishes what
// it has begun.
func (h *Harvest) ReadMeetings(ctx context.Context, in workflows.ReadMeetingsInput) (workflows.ReadMeetingsResult, error) {
	result, err := h.read(ctx, in)
	return result, toApplicationError(err)
}

func (h *Harvest) read(ctx context.Context, in workflows.ReadMeetingsInput) (workflows.ReadMeetingsResult, error) {
	var before workflows.ReadMeetingsResult
	if activity.HasHeartbeatDetails(ctx) { // what an attempt that died had done; nothing rests on it
		_ = activity.GetHeartbeatDetails(ctx, &before)
	}
	held, claim, err := h.hold(ctx, in.AccountRef)
	if err != nil {
		if stop, ok := stopOf(err); ok {
			before.Stopped = stop
			return before, nil
		}
		return before, err
	}
	defer claim.release()
	batch := &readBatch{harvest: h, ref: in.AccountRef, claim: claim, done: before}
	if batch.done.HeldBy = claim.lost(); batch.done.HeldBy != "" {
		return batch.done, nil
	}
	claim.report(before)
	err = batch.run(held, activity.GetWorkerStopChannel(ctx))
	if batch.done.HeldBy = claim.lost(); batch.done.HeldBy != "" {
		return batch.done, nil
	}
	if stop, ok := stopOf(err); ok {
		batch.done.Stopped, err = stop, nil
	}
	if err != nil {
		return batch.done, err
	}
	due, err := h.store.Due(ctx, in.AccountRef, h.config.Now())
	batch.done.Remaining, batch.done.OnlyBackfill = due.Meetings, due.Backfill > 0 && due.Backfill == due.Meetings
	return batch.done, err
}

// readBatch is one batch at work.
type readBatch struct {
	harvest    *Harvest
	ref        provider.AccountRef
	claim      *holder
	session    *session
	live       provider.LiveService // of a batch of running meetings
	key        *vault.Key
	keepGuests bool

	mu   sync.Mutex
	done workflows.ReadMeetingsResult
}

func (b *readBatch) run(ctx context.Context, workerStops <-chan struct{}) (err error) {
	if b.session, err = b.harvest.session(ctx, b.ref, provider.FeatureParticipants, provider.FeatureQuality); err != nil {
		return err
	}
	if b.key, err = b.harvest.vault.Key(ctx, vault.AccountScope(b.ref)); err != nil {
		return err
	}
	end := time.Now().Add(slice)
	for {
		if b.keepGuests, err = b.harvest.store.KeepsGuests(ctx, b.ref); err != nil {
			return err
		}
		due, err := b.harvest.store.DueMeetings(ctx, b.ref, b.harvest.config.Now(), dueAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		more, err := b.readSome(ctx, due, func() bool { return time.Now().After(end) || isClosed(workerStops) })
		if err != nil || !more {
			return err
		}
	}
}

// readSome reads meetings until all are read, enough is done, or one fails for a reason
// that the others share. What was begun then is finished: its requests are spent.
func (b *readBatch) readSome(ctx context.Context, due []store.DueMeeting, enough func() bool) (more bool, err error) {
	failed := make(chan struct{})
	var (
		group errgroup.Group
		once  sync.Once
		room  = semaphore.NewWeighted(seats)
	)
	group.SetLimit(readers)
	for _, meeting := range due {
		takes := min(seats, int64(max(1, meeting.ParticipantCount)))
		if room.Acquire(ctx, takes) != nil {
			break // the context has ended
		}
		group.Go(func() error {
			defer room.Release(takes)
			if isClosed(failed) || ctx.Err() != nil || enough() {
				return ctx.Err()
			}
			err := b.readOne(ctx, meeting)
			if err != nil {
				once.Do(func() { close(failed) })
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return false, err //nolint:wrapcheck // the readers wrap their own
	}
	return !enough(), ctx.Err()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (b *readBatch) readOne(ctx context.Context, meeting store.DueMeeting) error {
	if b.live != nil {
		return b.readLive(ctx, meeting)
	}
	if meeting.Backfill { // it may have been paused since
		wanted, err := b.harvest.store.MeetingWanted(ctx, b.ref, meeting.ID)
		if err != nil || !wanted {
			return err
		}
	}
	readAt := b.harvest.config.Now()
	var legs []provider.Leg
	err := b.session.with(ctx, func(caller provider.Caller) (err error) {
		legs, err = b.session.service.ReadMeeting(ctx, caller, meeting.ID)
		return err
	})
	if errors.Is(err, provider.ErrNobody) && meeting.ParticipantCount == 0 {
		err = nil
	}
	if cause, ok := quarantinable(err); ok {
		return b.quarantine(ctx, meeting.ID, cause)
	}
	if err != nil {
		return fmt.Errorf("read meeting of %s: %w", b.ref, err)
	}
	err = b.keep(ctx, meeting, store.MeetingLanding{Unmeasured: unmeasured(legs)}, legs, readAt)
	if state, refused := refusedByDatabase(err); refused {
		activity.GetLogger(ctx).Warn("a meeting cannot be stored", "account_id", b.ref.AccountID, "sqlstate", state)
		return b.quarantine(ctx, meeting.ID, workflows.ErrMalformed)
	}
	if err == nil {
		b.countLegs(legs)
	}
	return err
}

// keep lands a read. Who joined is asked for only where the meeting was read before.
func (b *readBatch) keep(ctx context.Context, meeting store.DueMeeting, landing store.MeetingLanding, legs []provider.Leg, readAt time.Time) (err error) {
	landing.AccountRef, landing.MeetingID, landing.First = b.ref, meeting.ID, !meeting.Landed
	landing.ReadAt, landing.SettleAfter = readAt, b.harvest.config.SettleAfter
	for {
		var known map[legKey]knownLeg
		if !landing.First {
			if known, err = b.known(ctx, meeting.ID); err != nil {
				return err
			}
		}
		if landing.Legs, err = b.land(legs, known); err != nil {
			return err
		}
		err = b.harvest.store.LandMeeting(ctx, landing)
		if !landing.First || !errors.Is(err, store.ErrReadBefore) {
			return err
		}
		landing.First = false
	}
}

// refusedByDatabase returns the SQLSTATE where Postgres refuses what is to be written, and
// would refuse it again: a value it has no room for (classes 21 and 22), one that breaks a
// constraint (23), one beyond a limit (54), one that a function of ours raises an exception
// for (P0001).
func refusedByDatabase(err error) (state string, refused bool) {
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(refusal.Code) < 2 {
		return "", false
	}
	switch refusal.Code[:2] {
	case "21", "22", "23", "54":
		return refusal.Code, true
	}
	return refusal.Code, refusal.Code == "P0001"
}

func (b *readBatch) quarantine(ctx context.Context, meetingID, cause string) error {
	final := store.MeetingQuarantined
	if cause == workflows.ErrNotFound {
		final = store.MeetingGone
	}
	if _, err := b.harvest.store.FailMeeting(ctx, b.ref, meetingID, cause, final, quarantineDelays(), b.harvest.config.Now()); err != nil {
		return err
	}
	b.count(workflows.ReadMeetingsResult{Quarantined: 1})
	return nil
}

func (b *readBatch) countLegs(legs []provider.Leg) {
	samples := 0
	for i := range legs {
		samples += len(legs[i].Samples)
	}
	b.count(workflows.ReadMeetingsResult{Read: 1, Legs: len(legs), MediaSamples: samples})
}

func (b *readBatch) count(more workflows.ReadMeetingsResult) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done.Read += more.Read
	b.done.Legs += more.Legs
	b.done.MediaSamples += more.MediaSamples
	b.done.Quarantined += more.Quarantined
	b.claim.report(b.done)
}
