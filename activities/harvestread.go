package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
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
	dueAtOnce = 256
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
	var (
		failed  = newFailure()
		purse   = b.newPurse()
		room    = semaphore.NewWeighted(seats)
		landing = b.startLanding(ctx, room, failed)
		queue   = make(chan meetingToRead)
		reading sync.WaitGroup
	)
	stop := func() bool { return failed.happened() || ctx.Err() != nil || enough() }
	for range readers {
		reading.Go(func() {
			for meeting := range queue {
				read, err := readMeeting{}, error(nil)
				if !stop() {
					read, err = b.readOne(meeting.prepaid.In(ctx), meeting.DueMeeting)
				}
				failed.note(err)
				purse.PutBack(meeting.prepaid)
				if read.takes = meeting.takes; read.done {
					landing.reads <- read
				} else {
					room.Release(meeting.takes)
				}
			}
		})
	}
	for group := range slices.Chunk(due, readers) {
		if stop() {
			break
		}
		begun, err := b.begin(ctx, group, purse)
		if err != nil {
			failed.note(err)
			break
		}
		for _, meeting := range begun {
			if room.Acquire(ctx, meeting.takes) != nil { // the context has ended
				purse.PutBack(meeting.prepaid)
				continue
			}
			queue <- meeting
		}
	}
	close(queue)
	reading.Wait()
	landing.finish()
	failed.note(purse.Return(context.WithoutCancel(ctx)))
	if failed.happened() {
		return false, failed.err
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

// readOne reads a meeting; it is not done where there is nothing to land.
func (b *readBatch) readOne(ctx context.Context, meeting store.DueMeeting) (read readMeeting, err error) {
	landing := store.MeetingLanding{
		AccountRef: b.ref, MeetingID: meeting.ID, First: !meeting.Landed,
		ReadAt: b.harvest.config.Now(), SettleAfter: b.harvest.config.SettleAfter, Live: b.live != nil,
	}
	var (
		legs []provider.Leg
		done bool
	)
	if landing.Live {
		legs, done, err = b.readLive(ctx, meeting, landing.ReadAt)
	} else {
		legs, done, err = b.readRecord(ctx, meeting)
		landing.Unmeasured = unmeasured(legs)
	}
	if err != nil || !done {
		return readMeeting{}, err
	}
	return b.sealed(landing, legs)
}

// readRecord reads a meeting that has ended. One that cannot be read is quarantined.
func (b *readBatch) readRecord(ctx context.Context, meeting store.DueMeeting) (legs []provider.Leg, done bool, err error) {
	err = b.session.with(ctx, func(caller provider.Caller) (err error) {
		legs, err = b.session.service.ReadMeeting(ctx, caller, meeting.ID)
		return err
	})
	if errors.Is(err, provider.ErrNobody) && meeting.ParticipantCount == 0 {
		return nil, true, nil
	}
	if cause, ok := quarantinable(err); ok {
		return nil, false, b.quarantine(ctx, meeting.ID, cause)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read meeting of %s: %w", b.ref, err)
	}
	return legs, true, nil
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

func (b *readBatch) count(more workflows.ReadMeetingsResult) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done.Read += more.Read
	b.done.Legs += more.Legs
	b.done.MediaSamples += more.MediaSamples
	b.done.Quarantined += more.Quarantined
	b.claim.report(b.done)
}
