package main

import (
	"context"

	"github.com/spf13/cobra"

	"callweave/internal/vault"
)

func (a *app) keysNew() *cobra.Command {
	return &cobra.Command{
		Use:   "new",
		Short: "Make a master keyset and print it",
		Long: "Make a master keyset and print it, for KEYSET or a file that KEYSET_FILE names.\n" +
			"Whoever has it can read everything that is sealed; whoever loses it has lost all of that.",
		Args: cobra.NoArgs,
		RunE: doing(func(context.Context) error {
			keyset, err := vault.NewKeyset()
			if err != nil {
				return err
			}
			return a.print(map[string]string{"keyset": keyset.Reveal()}, keyset.Reveal())
		}),
	}
}
