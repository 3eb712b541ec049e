package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// orphanGrace is how long a server of a killed parent, which is shutting down, may take to end.
const orphanGrace = 15 * time.Second

// clearPidFile removes a postmaster.pid that a crash left behind. PostgreSQL would refuse to start when
// that process id has meanwhile gone to another process of the same user.
// A server that still runs there is given time to end, for its parent is gone: we hold the lock.
func (h *home) clearPidFile(ctx context.Context) error {
	path := filepath.Join(h.dataDir(), "postmaster.pid")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err == nil && pid > 0 {
		if err := h.awaitGone(ctx, pid); err != nil {
			return err
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove stale postmaster.pid: %w", err)
	}
	return nil
}

func (h *home) awaitGone(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, orphanGrace)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for servesDir(pid, h.dataDir()) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: postgres process %d still runs in %s: stop it with 'kill -INT %d'", ErrInUse, pid, h.dataDir(), pid)
		case <-ticker.C:
		}
	}
	return nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
