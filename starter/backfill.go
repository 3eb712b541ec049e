package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/api"
	"callweave/internal/backfills"
	"callweave/internal/flows"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/workflows"
)

func (a *app) backfill() *cobra.Command {
	var t target
	var from, to timeFlag
	var wait bool
	command := &cobra.Command{
		Use:   "backfill",
		Short: "Have a time of an account's past harvested",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			in := workflows.BackfillInput{
				AccountRef: t.ref(), From: from.Truncate(time.Second), To: to.Truncate(time.Second), RequestedBy: cliActor,
			}
			if err := in.ValidAt(time.Now()); err != nil {
				return usage{err}
			}
			return doing(func(ctx context.Context) error { return a.runBackfill(ctx, in, wait) })(command, args)
		},
	}
	t.accountFlags(command)
	command.Flags().Var(&from, "from", "begin of the time")
	command.Flags().Var(&to, "to", "end of the time, not in it")
	command.Flags().BoolVar(&wait, "wait", false, "show how far it is until it ends; 1 where it waits for somebody, or leaves windows")
	require(command, "account", "from", "to")
	command.AddCommand(
		a.backfillList(),
		a.backfillChange("pause", "Spend nothing more for a backfill until it is resumed", "backfill paused", backfills.Pause),
		a.backfillChange("resume", "Have a paused backfill go on", "backfill resumed", backfills.Resume),
		a.backfillChange("cancel", "End a backfill and take out of the plan what it has not read", "backfill canceled", backfills.Cancel),
	)
	return command
}

func (a *app) runBackfill(ctx context.Context, in workflows.BackfillInput, wait bool) error {
	_, f, done, err := a.openAll(ctx, func(s *store.Store) error {
		linked, err := s.AccountHasLinks(ctx, in.AccountRef)
		if err == nil && !linked {
			err = fmt.Errorf("backfill %s: no org is linked to it: %w", in.AccountRef, store.ErrNotFound)
		}
		return err
	})
	if err != nil {
		return err
	}
	defer done()
	workflowID, err := f.Backfill(ctx, in)
	if err != nil {
		return err
	}
	if !wait {
		return a.print(map[string]any{"workflow_id": workflowID}, row("started", workflowID))
	}
	return a.awaitBackfill(ctx, f, workflowID)
}

// openAll connects to the database and, where the check of what is there finds nothing wrong,
// to Temporal.
func (a *app) openAll(ctx context.Context, check func(s *store.Store) error) (s *store.Store, f *flows.Flows, done func(), err error) {
	if s, err = a.openStore(ctx); err != nil {
		return nil, nil, nil, err
	}
	if err := check(s); err != nil {
		s.Close()
		return nil, nil, nil, err
	}
	v, err := a.openVault(ctx, s)
	if err != nil {
		s.Close()
		return nil, nil, nil, err
	}
	f, closeFlows, err := a.openFlows(ctx, v)
	if err != nil {
		s.Close()
		return nil, nil, nil, err
	}
	return s, f, func() { closeFlows(); s.Close() }, nil
}

func (a *app) backfillList() *cobra.Command {
	return a.listing("list", "List what was asked for, and how far it is",
		func(ctx context.Context, s *store.Store, filter store.ReadFilter) error {
			rows, err := s.Backfills(ctx, filter)
			if err != nil {
				return err
			}
			shown, lines := []api.Backfill{}, []string{row("PROVIDER", "ACCOUNT", "FROM", "TO", "STATE", "REQUESTED BY", "REQUESTED", "FINISHED", "WINDOWS", "READ", "STOPPED")}
			for _, r := range rows {
				b := api.NewBackfill(r)
				shown = append(shown, b)
				outcome := workflows.BackfillProgress{}
				_ = json.Unmarshal(b.Outcome, &outcome) // ours; null while it goes on
				windows, read := "", ""
				if b.FinishedAt != nil {
					windows, read = fmt.Sprintf("%d/%d", outcome.WindowsListed, outcome.WindowsTotal), strconv.Itoa(outcome.MeetingsRead)
				}
				lines = append(lines, row(b.Provider, b.AccountID, b.From, b.To, b.State, b.RequestedBy, b.RequestedAt, b.FinishedAt, windows, read, outcome.Stopped))
			}
			return a.print(shown, lines...)
		})
}

func (a *app) backfillChange(use, short, action string, do backfills.Change) *cobra.Command {
	var t target
	var from timeFlag
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			var found db.Backfill
			s, f, done, err := a.openAll(ctx, func(s *store.Store) (err error) {
				found, err = s.Backfill(ctx, t.ref(), from.Time)
				if err == nil && found.FinishedAt != nil {
					err = fmt.Errorf("backfill of %s from %s is %s: %w", t.ref(), when(from.Time), found.State, store.ErrNotFound)
				}
				return err
			})
			if err != nil {
				return err
			}
			defer done()
			err = s.Audit(ctx, store.Entry{
				Actor: cliActor, Action: action, Object: t.ref().String(), Detail: map[string]any{"from": from.UTC()},
			})
			if err != nil {
				return err
			}
			b := store.Backfill{AccountRef: t.ref(), From: found.FromAt, To: found.ToAt, WorkflowID: found.WorkflowID, RequestedBy: cliActor}
			if err := do(ctx, s, f, b); err != nil {
				return err
			}
			after, err := s.Backfill(ctx, t.ref(), from.Time)
			if err != nil {
				return err
			}
			return a.print(api.NewBackfill(after), row("state", after.State))
		}),
	}
	t.accountFlags(command)
	command.Flags().Var(&from, "from", "begin of the backfill, as `list` shows it")
	require(command, "account", "from")
	return command
}
