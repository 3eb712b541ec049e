package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/store"
)

func (a *app) migrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to the schema of this build",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			settings, err := config.Load[config.Database](ctx, a.env)
			if err != nil {
				return err
			}
			if settings.URL.IsZero() {
				return errNoDatabase
			}
			applied, err := store.Migrate(ctx, settings.URL.Reveal())
			if err != nil {
				return err
			}
			if applied == nil {
				applied = []int64{}
			}
			return a.print(map[string]any{"applied": applied}, fmt.Sprintf("%d migrations applied", len(applied)))
		}),
	}
}

var errNoDatabase = errors.New("DATABASE_URL: not set: want postgres://user:password@host:port/database")
