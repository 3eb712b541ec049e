// Package freeport chooses ports for servers that are started a moment later.
package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports below those that systems give to outgoing connections (Linux: from 32768, others
// from 49152): between the choice and the start of the server no connection takes one.
const (
	lowest  = 10_000
	highest = 32_000
)

const tries = 100

// Choose returns want where nobody listens on it, any free port where want is 0, and fails as
// [Check] does.
func Choose(ctx context.Context, want int) (int, error) {
	if want == 0 {
		return Any(ctx)
	}
	return want, Check(ctx, want)
}

// Any returns a port of the loopback address that nobody listens on.
func Any(ctx context.Context) (int, error) {
	for range tries {
		port := lowest + rand.N(highest-lowest) //nolint:gosec // spreads servers, keeps no secret
		err := Check(ctx, port)
		if err == nil {
			return port, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("find a free port: %d tries between %d and %d met one in use", tries, lowest, highest)
}

// Check fails where a port of the loopback address cannot be listened on, with
// [syscall.EADDRINUSE] where somebody does.
func Check(ctx context.Context, port int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", port, err)
	}
	if err := listener.Close(); err != nil {
		return fmt.Errorf("close port %d: %w", port, err)
	}
	return nil
}
