package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"callweave/internal/config"
)

// The exit codes, which scripts rely on.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// app is the command line with everything it touches, so that tests run it in process.
type app struct {
	env      envconfig.Lookuper
	out      io.Writer
	problems io.Writer
	format   format
	temporal func() (client.Options, error) // where Temporal is
}

// failure marks an error of the work itself. Every other error that cobra returns is
// about how the command was written.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// usage is an error of how the command was written that only its own code can see.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func usagef(text string, args ...any) error { return usage{fmt.Errorf(text, args...)} }

// main runs the command line and returns the exit code.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.problems)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintf(a.problems, "%s: %v\n", command.CommandPath(), err)
	var failed failure
	var misused usage
	if errors.As(err, &failed) && !errors.As(err, &misused) {
		return exitFailed
	}
	_, _ = fmt.Fprintf(a.problems, "run %s --help for how to use it\n", command.CommandPath())
	return exitUsage
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "starter",
		Short:         "Callweave's HTTP backend and command line",
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error { return usagef("want a command") },
	}
	a.format = formatText
	root.PersistentFlags().VarP(&a.format, "output", "o", "form of what is printed: text or json")
	root.SetUsageTemplate(root.UsageTemplate() + "\nEnvironment:\n" + config.Help[config.Starter]())
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		a.serve(), a.health(), a.migrate(),
		group("keys", "The master keyset", a.keysNew(), a.keysStatus(), a.keysRotate(), a.keysPromote(), a.keysReseal(), a.keysDrop()),
		group("org", "Network orgs", a.orgAdd(), a.orgSet(), a.orgList(), a.orgRemove()),
		group("token", "API tokens", a.tokenCreate(), a.tokenList(), a.tokenLink(), a.tokenRevoke()),
		group("link", "Links between orgs and provider accounts", a.linkStart(), a.linkList(), a.linkStale(), a.linkShow(), a.linkSet(), a.linkUnlink()),
		group("devices", "What networks knew: import and export", a.devicesImport(), a.devicesExport()),
		a.backfill(), a.gaps(), a.receipts(), a.quarantine(), a.audit(),
	)
	return root
}

func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	parent := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usagef("want a command after %s", name) },
	}
	parent.AddCommand(commands...)
	return parent
}

// doing marks what goes wrong from here on as a failure of the work.
func doing(work func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		if err := work(command.Context()); err != nil {
			return failure{err}
		}
		return nil
	}
}

func require(command *cobra.Command, names ...string) {
	for _, name := range names {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined a line above
		}
	}
}
