package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/semaphore"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

const (
	// landMeetings and landSamples are how much is landed in one transaction. It shares the
	// cost of what is locked, noted and committed, and keeps its locks for a moment.
	landMeetings = 32
	landSamples  = 8192
	// landWithin is how long what was read waits for more.
	landWithin = 300 * time.Millisecond
)

// readMeeting is a meeting that was read and is to be landed. Who its people are is in memory
// until it is.
type readMeeting struct {
	landing store.MeetingLanding
	legs    []provider.Leg
	samples int
	takes   int64 // seats
	done    bool
}

// sealed makes a read ready to be landed, as far as that goes without what earlier reads know.
func (b *readBatch) sealed(landing store.MeetingLanding, legs []provider.Leg) (read readMeeting, err error) {
	if landing.First {
		if landing.Legs, err = b.land(legs, nil); err != nil {
			return readMeeting{}, err
		}
	}
	read = readMeeting{landing: landing, legs: legs, done: true}
	for i := range legs {
		read.samples += len(legs[i].Samples)
	}
	return read, nil
}

// landing lands what was read while the next is read, several meetings in one transaction.
type landing struct {
	batch  *readBatch
	room   *semaphore.Weighted
	failed *failure
	reads  chan readMeeting
	ended  chan struct{}
}

func (b *readBatch) startLanding(ctx context.Context, room *semaphore.Weighted, failed *failure) *landing {
	l := &landing{batch: b, room: room, failed: failed, reads: make(chan readMeeting, landMeetings), ended: make(chan struct{})}
	go l.run(ctx)
	return l
}

// finish returns when all is landed that was read.
func (l *landing) finish() {
	close(l.reads)
	<-l.ended
}

func (l *landing) run(ctx context.Context) {
	defer close(l.ended)
	for first := range l.reads {
		reads := l.gather(first)
		l.failed.note(l.batch.landReads(ctx, reads))
		for i := range reads {
			l.room.Release(reads[i].takes)
		}
	}
}

// gather waits a moment for more to land together with the first.
func (l *landing) gather(first readMeeting) []readMeeting {
	reads, samples, takes := []readMeeting{first}, first.samples, first.takes
	patience := time.NewTimer(landWithin)
	defer patience.Stop()
	for len(reads) < landMeetings && samples < landSamples && takes < seats/2 {
		select {
		case read, more := <-l.reads:
			if !more {
				return reads
			}
			reads, samples, takes = append(reads, read), samples+read.samples, takes+read.takes
		case <-patience.C:
			return reads
		}
	}
	return reads
}

// landReads lands reads in one transaction. Where that fails each is landed by itself, so
// that one that cannot be stored keeps no other from it, whatever the reason is.
func (b *readBatch) landReads(ctx context.Context, reads []readMeeting) error {
	if len(reads) > 1 {
		err := b.landTogether(ctx, reads)
		if err == nil {
			for i := range reads {
				b.countLanded(&reads[i])
			}
			return nil
		}
		if errors.Is(err, store.ErrFenced) || ctx.Err() != nil {
			return err
		}
	}
	failed := newFailure()
	for i := range reads {
		err := b.landOne(ctx, &reads[i])
		failed.note(err)
		if _, answered := errors.AsType[*pgconn.PgError](err); err != nil && !answered {
			break // the database is gone, the link is, or there is no more time
		}
	}
	return failed.err
}

func (b *readBatch) landTogether(ctx context.Context, reads []readMeeting) error {
	var again []string
	for i := range reads {
		if !reads[i].landing.First {
			again = append(again, reads[i].landing.MeetingID)
		}
	}
	known, err := b.known(ctx, again)
	if err != nil {
		return err
	}
	landings := make([]store.MeetingLanding, len(reads))
	for i := range reads {
		landings[i] = reads[i].landing
		if landings[i].First {
			continue
		}
		if landings[i].Legs, err = b.land(reads[i].legs, known[landings[i].MeetingID]); err != nil {
			return err
		}
	}
	return b.harvest.store.LandMeetings(ctx, b.ref, landings)
}

// landOne lands a read. One that the database refuses is quarantined; of a meeting that runs
// it is left to its record.
func (b *readBatch) landOne(ctx context.Context, read *readMeeting) error {
	err := b.landTogether(ctx, []readMeeting{*read})
	if errors.Is(err, store.ErrReadBefore) { // meanwhile
		read.landing.First = false
		err = b.landTogether(ctx, []readMeeting{*read})
	}
	state, refused := refusedByDatabase(err)
	switch {
	case refused && read.landing.Live:
		activity.GetLogger(ctx).Warn("a running meeting cannot be stored", "account_id", b.ref.AccountID, "sqlstate", state)
		return nil
	case refused:
		activity.GetLogger(ctx).Warn("a meeting cannot be stored", "account_id", b.ref.AccountID, "sqlstate", state)
		return b.quarantine(ctx, read.landing.MeetingID, workflows.ErrMalformed)
	case err == nil:
		b.countLanded(read)
	}
	return err
}

func (b *readBatch) countLanded(read *readMeeting) {
	b.count(workflows.ReadMeetingsResult{Read: 1, Legs: len(read.legs), MediaSamples: read.samples})
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

// failure is the first one of several who work together.
type failure struct {
	once sync.Once
	seen chan struct{}
	err  error // once it happened
}

func newFailure() *failure { return &failure{seen: make(chan struct{})} }

// note keeps an error, unless there is none or one was kept.
func (f *failure) note(err error) {
	if err != nil {
		f.once.Do(func() {
			f.err = err
			close(f.seen)
		})
	}
}

func (f *failure) happened() bool { return isClosed(f.seen) }
