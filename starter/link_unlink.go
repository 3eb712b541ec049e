package main

import (
	"context"

	"github.com/spf13/cobra"

	"callweave/internal/links"
)

func (a *app) linkUnlink() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "unlink",
		Short: "End a link and erase what it had; the receipt is shown by `starter receipts`",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			v, err := a.openVault(ctx, s)
			if err != nil {
				return err
			}
			f, done, err := a.openFlows(ctx, v)
			if err != nil {
				return err
			}
			defer done()
			if err := links.NewUnlinker(s, f).Unlink(ctx, t.ref(), t.org.UUID, cliActor, "operator"); err != nil {
				return err
			}
			return a.print(map[string]any{"provider": t.provider.Name, "account_id": t.account, "org_id": t.org.UUID, "status": "unlinking"},
				row("unlinking", t.ref()))
		}),
	}
	t.orgFlag(command)
	t.accountFlags(command)
	require(command, "org", "account")
	return command
}
