// Command starter is the HTTP backend with its console, and the operators' command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sethvargo/go-envconfig"

	"callweave/internal/temporalclient"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{env: envconfig.OsLookuper(), out: os.Stdout, problems: os.Stderr, temporal: temporalclient.Options}
	return a.main(ctx, os.Args[1:])
}
