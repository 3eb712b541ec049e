package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/health"
)

func (a *app) health() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the starter that listens on LISTEN_ADDR whether it is ready",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			settings, err := config.Load[config.Listening](ctx, a.env)
			if err != nil {
				return err
			}
			return health.Probe(ctx, cmp.Or(settings.Addr, config.StarterAddr))
		}),
	}
}
