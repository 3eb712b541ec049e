package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) orgRemove() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "remove",
		Short: "End an org's registration: its name, its access to the network and its API tokens",
		Long: "End an org's registration: its name, its access to the network and its API tokens. An org that is linked is refused:\n" +
			"unlinking erases what it had, and `starter receipts` says when that is done. Receipts and the audit log stay.",
		Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.RemoveOrg(ctx, t.org.UUID, cliActor); err != nil {
				return err
			}
			return a.print(map[string]any{"org_id": t.org.UUID, "removed": true}, row("removed", t.org.UUID))
		}),
	}
	command.Flags().Var(&t.org, "id", "id of the org in the network")
	require(command, "id")
	return command
}
