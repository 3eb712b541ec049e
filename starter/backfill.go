package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/flows"
	"callweave/internal/store"
	"callweave/workflows"
)

// oldestData is how far back Zoom's dashboard goes (Zoom's meeting API: six months).
const oldestData = 183 * 24 * time.Hour

// heldPause is how long a backfill waits for another run of the account to end.
const heldPause = 2 * time.Second

func (a *app) backfill() *cobra.Command {
	var t target
	var from, to timeFlag
	var wait bool
	command := &cobra.Command{
		Use:   "backfill",
		Short: "Harvest an interval of an account that lies in the past",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			switch now := time.Now(); {
			case !from.Before(to.Time):
				return usagef("--from: want a time before --to")
			case to.After(now):
				return usagef("--to: want a time in the past")
			case from.Before(now.Add(-oldestData)):
				return usagef("--from: providers keep six months: want %s or later", when(now.Add(-oldestData)))
			}
			return doing(func(ctx context.Context) error { return a.runBackfill(ctx, t, from.Time, to.Time, wait) })(command, args)
		},
	}
	t.accountFlags(command)
	command.Flags().Var(&from, "from", "begin of the interval")
	command.Flags().Var(&to, "to", "end of the interval, not in it")
	command.Flags().BoolVar(&wait, "wait", false, "wait until it is done and print what it did")
	require(command, "account", "from", "to")
	return command
}

func (a *app) runBackfill(ctx context.Context, t target, from, to time.Time, wait bool) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	linked, err := s.AccountHasLinks(ctx, t.ref())
	if err != nil {
		return err
	}
	if !linked {
		return fmt.Errorf("backfill %s: no org is linked to it: %w", t.ref(), store.ErrNotFound)
	}
	v, err := a.openVault(ctx, s)
	if err != nil {
		return err
	}
	f, done, err := a.openFlows(ctx, v)
	if err != nil {
		return err
	}
	defer done()
	err = s.Audit(ctx, store.Entry{
		Actor: cliActor, Action: "backfill requested", Object: t.ref().String(),
		Detail: map[string]any{"from": from.UTC(), "to": to.UTC()},
	})
	if err != nil {
		return err
	}
	workflowID, err := f.Harvest(ctx, t.ref(), from, to)
	if err != nil {
		return err
	}
	if !wait {
		return a.print(map[string]any{"workflow_id": workflowID}, row("started", workflowID))
	}
	result, err := await(ctx, f, t, from, to, workflowID)
	if err != nil {
		return err
	}
	if err := a.print(backfilled{WorkflowID: workflowID, HarvestResult: result}, harvestLines(result)...); err != nil {
		return err
	}
	if result.Stopped != "" {
		return fmt.Errorf("backfill %s stopped early: %s; what is left stays in `starter gaps` and is harvested as soon as that is over", t.ref(), result.Stopped)
	}
	return nil
}

type backfilled struct {
	WorkflowID string `json:"workflow_id"`
	workflows.HarvestResult
}

// await waits for the harvest, and starts it again where another run of the account was
// at work.
func await(ctx context.Context, f *flows.Flows, t target, from, to time.Time, workflowID string) (workflows.HarvestResult, error) {
	for {
		result, err := f.HarvestResult(ctx, workflowID)
		if err != nil || result.HeldBy == "" {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, fmt.Errorf("backfill %s: interrupted while %s was at work: %w", t.ref(), result.HeldBy, ctx.Err())
		case <-time.After(heldPause):
		}
		if _, err := f.Harvest(ctx, t.ref(), from, to); err != nil {
			return result, err
		}
	}
}

func harvestLines(r workflows.HarvestResult) []string {
	lines := []string{
		row("windows listed", r.WindowsListed), row("meetings found", r.MeetingsFound), row("meetings read", r.MeetingsRead),
		row("legs", r.Legs), row("media samples", r.MediaSamples), row("requests", r.Requests), row("quarantined", r.Quarantined),
		row("left for later", r.Remaining), row("call minutes woven", r.Woven),
	}
	if r.Stopped != "" {
		lines = append(lines, row("stopped", r.Stopped))
	}
	return lines
}
