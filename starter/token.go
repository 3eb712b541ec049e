package main

import (
	"context"

	"github.com/spf13/cobra"

	"callweave/internal/store"
)

func (a *app) tokenCreate() *cobra.Command {
	var t target
	var role roleFlag
	command := &cobra.Command{
		Use:   "create",
		Short: "Make an API token and print it: it is shown this once",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if _, err := s.Org(ctx, t.org.UUID); err != nil {
				return err
			}
			id, token, err := s.CreateToken(ctx, t.org.UUID, string(role.Role))
			if err != nil {
				return err
			}
			err = s.Audit(ctx, store.Entry{
				OrgID: &t.org.UUID, Actor: cliActor, Action: "token created", Object: id.String(), Detail: map[string]any{"role": role.Role},
			})
			if err != nil {
				return err
			}
			return a.print(map[string]any{"token_id": id, "org_id": t.org.UUID, "role": role.Role, "token": token.Reveal()}, token.Reveal())
		}),
	}
	t.orgFlag(command)
	command.Flags().Var(&role, "role", "admin, observer or helpdesk")
	require(command, "org", "role")
	return command
}
