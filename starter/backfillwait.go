package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"callweave/internal/flows"
	"callweave/internal/store"
	"callweave/workflows"
)

// heldPause is how long a backfill waits for another run of the account to end.
const heldPause = 2 * time.Second

// backfilled is what the passes of a backfill did together, and what they left.
type backfilled struct {
	WorkflowID string `json:"workflow_id"`
	workflows.HarvestResult
	OpenWindows int `json:"open_windows"` // of the interval, not listed
}

// fill has the account harvested until no window of the interval is open and no meeting
// is due, or a pass was stopped or changed nothing. A pass is bounded, so that a long
// interval takes several. The error says what is left, and why.
func fill(ctx context.Context, s *store.Store, f *flows.Flows, t target, from, to time.Time, workflowID string) (backfilled, error) {
	done := backfilled{WorkflowID: workflowID}
	start := func() error { _, err := f.Harvest(ctx, t.ref(), from, to); return err }
	for before := (*progress)(nil); ; {
		result, err := f.HarvestResult(ctx, workflowID)
		if err != nil {
			return done, err
		}
		if result.HeldBy != "" {
			select {
			case <-ctx.Done():
				return done, fmt.Errorf("backfill %s: interrupted while %s was at work: %w", t.ref(), result.HeldBy, ctx.Err())
			case <-time.After(heldPause):
			}
			if err := start(); err != nil {
				return done, err
			}
			continue
		}
		done.add(result)
		open, err := s.OpenWithin(ctx, t.ref(), from, to)
		if err != nil {
			return done, err
		}
		done.OpenWindows = open.Windows
		now := &progress{open.Windows, result.Remaining}
		switch {
		case result.Stopped == "" && *now == progress{}:
			return done, nil
		case result.Stopped != "":
			return done, fmt.Errorf("backfill %s stopped early: %s: %s; it goes on by itself as soon as that is over", t.ref(), result.Stopped, whatIsLeft(open, result.Remaining))
		case before != nil && result.MeetingsRead == 0 && now.windows >= before.windows && now.meetings >= before.meetings:
			return done, fmt.Errorf("backfill %s gets no further: %s", t.ref(), whatIsLeft(open, result.Remaining))
		}
		before = now
		// The interval is in the ledger: to ask for it again would list it again.
		start = func() error { return f.GoOnHarvesting(ctx, t.ref(), workflowID) }
		if err := start(); err != nil {
			return done, err
		}
	}
}

// progress is how much was left after a pass.
type progress struct{ windows, meetings int }

func whatIsLeft(open store.OpenInterval, due int) string {
	if open.Windows == 0 {
		return fmt.Sprintf("%d meetings are due", due)
	}
	why := ""
	if len(open.Causes) > 0 {
		why = " (" + strings.Join(open.Causes, ", ") + ")"
	}
	return fmt.Sprintf("%d windows from %s to %s are not listed%s, see `starter gaps`, and %d meetings are due", open.Windows, when(open.From), when(open.To), why, due)
}

// add counts another pass in.
func (b *backfilled) add(r workflows.HarvestResult) {
	b.WindowsListed += r.WindowsListed
	b.MeetingsFound += r.MeetingsFound
	b.MeetingsRead += r.MeetingsRead
	b.Legs += r.Legs
	b.MediaSamples += r.MediaSamples
	b.Requests += r.Requests
	b.Quarantined += r.Quarantined
	b.Woven += r.Woven
	b.Remaining, b.WaitingWeave, b.Stopped = r.Remaining, r.WaitingWeave, r.Stopped
}

func (b *backfilled) lines() []string {
	lines := []string{
		row("windows listed", b.WindowsListed), row("meetings found", b.MeetingsFound), row("meetings read", b.MeetingsRead),
		row("legs", b.Legs), row("media samples", b.MediaSamples), row("requests", b.Requests), row("quarantined", b.Quarantined),
		row("windows left", b.OpenWindows), row("meetings left", b.Remaining), row("call minutes woven", b.Woven),
	}
	if b.Stopped != "" {
		lines = append(lines, row("stopped", b.Stopped))
	}
	return lines
}
