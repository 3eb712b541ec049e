// Command ensure installs Chromium unless there is one: go run ./internal/browser/ensure.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"callweave/internal/browser"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := browser.Ensure(ctx, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
