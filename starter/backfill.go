package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/store"
)

// oldestData is how far back Zoom's dashboard goes (Zoom's meeting API: six months).
const oldestData = 183 * 24 * time.Hour

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
			return doing(func(ctx context.Context) error {
				return a.runBackfill(ctx, t, from.Truncate(time.Second), to.Truncate(time.Second), wait)
			})(command, args)
		},
	}
	t.accountFlags(command)
	command.Flags().Var(&from, "from", "begin of the interval")
	command.Flags().Var(&to, "to", "end of the interval, not in it")
	command.Flags().BoolVar(&wait, "wait", false, "wait until all of it is done, or stopped, and print what was done")
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
	result, unfinished := fill(ctx, s, f, t, from, to, workflowID)
	if err := a.print(result, result.lines()...); err != nil {
		return err
	}
	return unfinished
}
