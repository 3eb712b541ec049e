package weave

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// Weaving is a pipeline of three stages: while the call minutes of some meetings are
// copied, those of the next are made, and the next batch is read. Each stage waits for the
// one after it, so that no more than two batches and two pieces are held.
//
//	read a batch ─→ match, join and judge its meetings ─→ land them, piece by piece
//
// What takes room by the million is handed back to be used again: new room costs more than
// most of what is done in it.
//
// What a stage finds wrong goes the same way and is dealt with in its turn, when what came
// before has landed.

// loaded is a batch, or why there is none and comes no other.
type loaded struct {
	batch    *batch
	meetings []db.PendingWeavesRow
	err      error
}

// piece is what lands in one transaction.
type piece struct {
	lateMarks int64 // of the org, from before the devices were read
	landings  []store.WeaveLanding
	legs      []int // of each meeting, looked at
	minutes   int
	rows      []db.CallMinute // of the landings, unless there are very many
	unwoven   []error         // of meetings of which nothing can be made
	err       error           // nothing comes after it
}

// weaveAll weaves meetings and counts what is done. It goes on past a meeting that cannot be
// woven, and returns the first such error when all is done; any other ends it, what was read
// before landed.
func (w *Weaver) weaveAll(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, pending []db.PendingWeavesRow, result *Result, done func()) (failed error) {
	ahead, stop := context.WithCancel(ctx)
	stages, ahead := errgroup.WithContext(ahead)
	defer func() {
		stop()
		// A panic becomes the caller's, as it would be without stages of their own.
		if err := stages.Wait(); err != nil {
			panic(err)
		}
	}()
	batches, pieces := make(chan loaded), make(chan piece)
	spent, rows := make(chan devices, 1), make(chan []db.CallMinute, 1)
	stages.Go(func() (err error) {
		defer close(batches)
		defer caught(&err)
		w.loadAhead(ahead, ref, orgID, pending, batches, spent)
		return nil
	})
	stages.Go(func() (err error) {
		defer close(pieces)
		defer caught(&err)
		weaveAhead(ahead, batches, pieces, spent, rows)
		return nil
	})
	for p := range pieces {
		if p.err != nil {
			return errors.Join(failed, p.err)
		}
		for _, err := range p.unwoven {
			failed = first(failed, err)
			done()
		}
		err := w.land(ctx, ref, orgID, p, result, done)
		if errors.Is(err, store.ErrFenced) || ctx.Err() != nil {
			return first(err, ctx.Err())
		}
		failed = first(failed, err)
		giveBack(rows, p.rows)
	}
	return first(ctx.Err(), failed)
}

// caught makes an error of a panic.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// loadAhead reads the meetings batch by batch, until that is enough for one call.
func (w *Weaver) loadAhead(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, pending []db.PendingWeavesRow, to chan<- loaded, spent <-chan devices) {
	for minutes := 0; len(pending) > 0 && minutes < maxMinutes; {
		together := 1
		for together < min(len(pending), batchMeetings) && pending[together].StartAt.Sub(pending[0].StartAt) <= maxSpread {
			together++
		}
		b, err := w.load(ctx, ref, orgID, pending[:together], reuse(spent))
		if !send(ctx, to, loaded{b, pending[:together], err}) || err != nil {
			return
		}
		for _, samples := range b.samples {
			minutes += len(samples)
		}
		pending = pending[together:]
	}
}

// weaveAhead makes the rows of batches, as many meetings in one piece as have some thousand
// minutes: what a transaction costs is shared, and memory bounded.
func weaveAhead(ctx context.Context, from <-chan loaded, to chan<- piece, spent chan<- devices, rows chan []db.CallMinute) {
	for next := range from {
		if next.err != nil {
			send(ctx, to, piece{err: next.err})
			return
		}
		b := next.batch
		var p piece
		for i, meeting := range next.meetings {
			if most := b.mostMinutes(meeting.MeetingID); cap(p.rows)-len(p.rows) < most {
				if p.rows = reuse(rows)[:0]; cap(p.rows) < most {
					p.rows = make([]db.CallMinute, 0, max(most, 2*minutesTogether))
				}
			}
			landing, err := b.weave(meeting, p.rows)
			p.rows = p.rows[:len(p.rows)+len(landing.Minutes)]
			if err != nil {
				p.unwoven = append(p.unwoven, fmt.Errorf("weave meeting of %s: %w", b.ref, err))
			} else {
				p.landings, p.legs = append(p.landings, landing), append(p.legs, len(b.legs[meeting.MeetingID]))
				p.minutes += len(landing.Minutes)
			}
			if p.minutes < minutesTogether && i < len(next.meetings)-1 {
				continue
			}
			p.lateMarks = b.lateMarks
			if !send(ctx, to, p) {
				return
			}
			p = piece{}
		}
		giveBack(spent, devices{clients: b.devices.clients, radios: b.devices.radios})
	}
}

// reuse returns what was given back, if anything was.
func reuse[T any](from <-chan T) (room T) {
	select {
	case room = <-from:
	default:
	}
	return room
}

// giveBack keeps something for [reuse] where there is place.
func giveBack[T any](to chan<- T, room T) {
	select {
	case to <- room:
	default:
	}
}

// send reports whether somebody took the value.
func send[T any](ctx context.Context, to chan<- T, value T) bool {
	select {
	case to <- value:
		return true
	case <-ctx.Done():
		return false
	}
}

// land lands a piece in one transaction, and each of its meetings by itself where that fails.
func (w *Weaver) land(ctx context.Context, ref provider.AccountRef, orgID uuid.UUID, p piece, result *Result, done func()) (failed error) {
	if len(p.landings) == 0 {
		return nil
	}
	landed, err := w.store.LandWeaves(ctx, ref, orgID, p.lateMarks, p.landings)
	if err != nil && len(p.landings) > 1 && !errors.Is(err, store.ErrFenced) && ctx.Err() == nil {
		for i := range p.landings {
			alone := piece{lateMarks: p.lateMarks, landings: p.landings[i : i+1], legs: p.legs[i : i+1]}
			failed = first(failed, w.land(ctx, ref, orgID, alone, result, done))
		}
		return failed
	}
	for i := range p.landings {
		if landed[p.landings[i].MeetingID] {
			result.add(&p.landings[i], p.legs[i])
		}
		done()
	}
	return err
}

// first returns the earlier of two errors.
func first(earlier, later error) error {
	if earlier != nil {
		return earlier
	}
	return later
}
