package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"callweave/internal/flows"
	"callweave/workflows"
)

// progressEvery is how often a backfill that is waited for is asked how far it is.
const progressEvery = 2 * time.Second

// backfilled is how a backfill ended, or how far it is.
type backfilled struct {
	WorkflowID string `json:"workflow_id"`
	workflows.BackfillProgress
}

// awaitBackfill shows how far a backfill is until it ends. It fails where windows are left,
// and where the backfill waits for what only a person can mend; it goes on by itself then.
func (a *app) awaitBackfill(ctx context.Context, f *flows.Flows, workflowID string) error {
	type ending struct {
		progress workflows.BackfillProgress
		err      error
	}
	ended := make(chan ending, 1)
	go func() {
		progress, err := f.BackfillResult(ctx, workflowID)
		ended <- ending{progress, err}
	}()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	said := ""
	for {
		select {
		case end := <-ended:
			if end.err != nil {
				return end.err
			}
			return a.endBackfill(backfilled{workflowID, end.progress})
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: it goes on by itself: %w", workflowID, ctx.Err())
		case <-ticker.C:
		}
		progress, err := f.BackfillProgress(ctx, workflowID)
		if err != nil {
			continue // no worker answers at the moment; the end is waited for all the same
		}
		if needsSomebody(progress.WaitingFor) {
			return errors.Join(a.endBackfill(backfilled{workflowID, progress}),
				fmt.Errorf("%s waits: %s; it goes on by itself as soon as that is mended", workflowID, progress.WaitingFor))
		}
		if now := progressLine(progress); now != said {
			said = now
			_, _ = fmt.Fprintln(a.problems, now)
		}
	}
}

// needsSomebody reports whether what a backfill waits for does not pass by itself.
func needsSomebody(waitingFor string) bool {
	switch waitingFor {
	case workflows.ErrReauthorization, workflows.ErrMissingScopes, workflows.ErrRefused, workflows.ErrMisconfigured:
		return true
	}
	return false
}

func progressLine(p workflows.BackfillProgress) string {
	line := fmt.Sprintf("%s: %d of %d windows listed, %d meetings read, %d due, %d requests", p.State, p.WindowsListed, p.WindowsTotal, p.MeetingsRead, p.MeetingsDue, p.RequestsSpent)
	if p.WaitingFor != "" {
		line += fmt.Sprintf(", waiting for %s until %s", p.WaitingFor, when(p.WaitingUntil))
	}
	if !p.DoneAt.IsZero() {
		line += ", done about " + when(p.DoneAt)
	}
	return line
}

// endBackfill prints the end; the error says what is left.
func (a *app) endBackfill(b backfilled) error {
	lines := []string{
		row("state", b.State), row("windows", b.WindowsTotal), row("windows listed", b.WindowsListed), row("windows failed", causes(b.WindowsFailed)),
		row("meetings read", b.MeetingsRead), row("meetings due", b.MeetingsDue), row("quarantined", b.Quarantined),
		row("requests", b.RequestsSpent), row("passes", b.Passes),
	}
	if b.Stopped != "" {
		lines = append(lines, row("stopped", b.Stopped))
	}
	if err := a.print(b, lines...); err != nil {
		return err
	}
	switch {
	case b.Stopped != "":
		return fmt.Errorf("%s was ended: %s", b.WorkflowID, b.Stopped)
	case b.State == "done" && b.WindowsListed < b.WindowsTotal:
		return fmt.Errorf("%s left %d windows, see `starter gaps`", b.WorkflowID, b.WindowsTotal-b.WindowsListed)
	}
	return nil
}

// causes is how often what went wrong; empty where nothing did.
func causes(counts map[string]int) string {
	all := make([]string, 0, len(counts))
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d %s", counts[cause], cause))
	}
	return strings.Join(all, ", ")
}
