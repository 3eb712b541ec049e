// Command local brings up all of Callweave on one machine, nothing simulated but the
// two clouds: a private PostgreSQL, a Temporal server with its UI, a world seen through
// its Zoom and its Mist, the worker and the starter. Then it lives the life of a link
// from the authorization to the proof of the erasure, and reports what it saw.
//
//	go run ./deploy/local          stays up until Ctrl-C
//	go run ./deploy/local --once   ends after the report
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var opts options
	command := &cobra.Command{
		Use: "local", Short: "All of Callweave on one machine, with a demonstration",
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			command.Flags().Visit(func(flag *pflag.Flag) { opts.chosen = opts.chosen || isOfTheWorld(flag.Name) })
			if err := opts.validate(); err != nil {
				return err
			}
			return demo(command.Context(), opts, newProgress(command.OutOrStdout()))
		},
	}
	opts.register(command.Flags())
	err := command.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		return 130
	}
	fmt.Fprintf(os.Stderr, "\n%v\n", err)
	return 1
}

// errInterrupted says that somebody pressed Ctrl-C before the report was done.
var errInterrupted = errors.New("interrupted")

// demo brings the machine up, lives through the journey and takes the machine down.
func demo(ctx context.Context, opts options, progress *progress) (err error) {
	m, err := startMachine(ctx, opts, progress)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, m.stop(progress)) }()

	r, err := live(ctx, m, progress)
	if err != nil {
		return interrupted(ctx, fmt.Errorf("%w\nlogs: %s", err, m.dirs.logs))
	}
	r.print(progress.out, m)
	if problems := r.problems(); len(problems) > 0 {
		return fmt.Errorf("the report shows %d problem(s):\n%w", len(problems), errors.Join(problems...))
	}
	if opts.once {
		return nil
	}
	if err := linkAgain(ctx, m, progress); err != nil {
		return interrupted(ctx, err)
	}
	if err := printAddresses(ctx, progress.out, m); err != nil {
		return interrupted(ctx, err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.died:
		return err
	}
}

// interrupted makes a Ctrl-C look like one: what it broke is of no interest.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
