package freeport_test

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"

	"callweave/internal/freeport"
)

func TestAny(t *testing.T) {
	t.Parallel()
	port, err := freeport.Any(t.Context())
	if err != nil || port < 10_000 || port >= 32_000 {
		t.Fatalf("port %d, %v", port, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := freeport.Check(t.Context(), port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port in use is %v, want in use", err)
	}
}
