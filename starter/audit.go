package main

import (
	"context"

	"github.com/spf13/cobra"

	"callweave/internal/api"
	"callweave/internal/store"
)

func (a *app) audit() *cobra.Command {
	var t target
	var since timeFlag
	var limit int32
	command := &cobra.Command{
		Use:   "audit",
		Short: "List who did what: admin acts and uses of credentials, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("--limit: want 1 or more")
			}
			return doing(func(ctx context.Context) error {
				s, err := a.openStore(ctx)
				if err != nil {
					return err
				}
				defer s.Close()
				rows, err := s.AuditSince(ctx, store.ReadFilter{OrgID: t.org.UUID, Limit: limit}, since.Time)
				if err != nil {
					return err
				}
				acts, lines := []api.Act{}, []string{row("AT", "ACTOR", "ACTION", "OBJECT", "DETAIL")}
				for _, r := range rows {
					act := api.NewAct(r)
					acts = append(acts, act)
					lines = append(lines, row(act.At, act.Actor, act.Action, act.Object, string(act.Detail)))
				}
				return a.print(acts, lines...)
			})(command, args)
		},
	}
	t.orgFlag(command)
	command.Flags().Var(&since, "since", "not before this time")
	command.Flags().Int32Var(&limit, "limit", 1000, "how many at most, the newest first")
	return command
}
