// Command worker hosts Callweave's workflows and activities. It needs no arguments: its
// settings are environment variables, listed by --help.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"

	"callweave/internal/config"
	"callweave/internal/health"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	started := false
	command := &cobra.Command{
		Use:           "worker",
		Short:         "Hosts Callweave's workflows and activities",
		Long:          "Hosts Callweave's workflows and activities until it is told to stop.\n\nEnvironment:\n" + config.Help[config.Worker](),
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			started = true
			return serve(command.Context())
		},
	}
	command.AddCommand(&cobra.Command{
		Use:   "health",
		Short: "Ask the worker that listens on LISTEN_ADDR whether it is ready",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			started = true
			settings, err := config.Load[config.Listening](command.Context(), envconfig.OsLookuper())
			if err != nil {
				return err
			}
			return health.Probe(command.Context(), cmp.Or(settings.Addr, config.WorkerAddr))
		},
	})
	command.CompletionOptions.HiddenDefaultCmd = true
	err := command.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case !started:
		fmt.Fprintf(os.Stderr, "worker: %v\nrun worker --help for what it needs\n", err)
		return 2
	}
	fmt.Fprintf(os.Stderr, "worker: %v\n", err)
	return 1
}

func serve(ctx context.Context) error {
	settings, err := config.Load[config.Worker](ctx, envconfig.OsLookuper())
	if err != nil {
		return err
	}
	if err := settings.Validate(); err != nil {
		return err
	}
	w, err := newWorker(ctx, settings)
	if err != nil {
		return err
	}
	return w.run(ctx)
}
