package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"callweave/internal/authorize"
	"callweave/internal/config"
)

func (a *app) linkStart() *cobra.Command {
	var t target
	var forward string
	command := &cobra.Command{
		Use:   "start",
		Short: "Print the URL where an administrator allows us",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			settings, err := config.Load[config.Starter](ctx, a.env)
			if err != nil {
				return err
			}
			if err := settings.Validate(); err != nil {
				return err
			}
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			v, err := a.openVault(ctx, s)
			if err != nil {
				return err
			}
			if _, err := s.Org(ctx, t.org.UUID); err != nil {
				return err
			}
			authorizing, err := newAuthorize(settings, s, v.Master(), nil, silent())
			if err != nil {
				return err
			}
			offer, err := authorizing.Begin(ctx, authorize.Request{
				OrgID: t.org.UUID, Provider: t.provider.Name, Forward: forward, RequestedBy: cliActor,
			})
			if err != nil {
				return fmt.Errorf("link: %w", err)
			}
			return a.print(offer, offer.URL)
		}),
	}
	t.orgFlag(command)
	t.accountFlags(command)
	command.Flags().StringVar(&forward, "forward", "", "where the browser goes after; its host must be in FORWARD_HOSTS")
	require(command, "org", "forward")
	return command
}
