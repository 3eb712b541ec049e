package localpg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"callweave/internal/child/childtest"
	"callweave/internal/localpg"
)

func TestMain(m *testing.M) {
	childtest.Main(m, func(dir string) (int, error) {
		c, err := localpg.Start(context.Background(), localpg.Config{Dir: dir})
		if err != nil {
			return 0, err
		}
		return c.Pid(), nil
	})
}

func requireInstalled(t *testing.T) {
	t.Helper()
	start(t, localpg.Config{Dir: tempDir(t)})
}

func TestEndsWithParent(t *testing.T) {
	t.Parallel()
	requireInstalled(t)
	childtest.KillParent(t).AwaitExit(t)
}

// The server of a killed parent is still writing its last data when the next one starts.
func TestStartAfterParentWasKilled(t *testing.T) {
	t.Parallel()
	requireInstalled(t)
	orphan := childtest.KillParent(t)
	c := start(t, localpg.Config{Dir: orphan.Dir})
	if queryOne[int](t, c.URL("postgres"), "select 1") != 1 {
		t.Error("server does not answer")
	}
	orphan.AwaitExit(t)
}

// A server that runs without holding our lock was not started by us, and is left alone.
func TestStartRefusesDirectoryOfForeignServer(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	foreign := start(t, localpg.Config{Dir: dir})
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	// Start waits for a server that is ending, this one is not.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := localpg.Start(ctx, localpg.Config{Dir: dir})
	if err == nil {
		_ = c.Stop(context.Background())
		t.Fatal("started")
	}
	if !errors.Is(err, localpg.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(foreign.Pid())) {
		t.Errorf("error = %v, want ErrInUse and the process id %d", err, foreign.Pid())
	}
	if queryOne[int](t, foreign.URL("postgres"), "select 1") != 1 {
		t.Error("the foreign server does not answer any more")
	}
}
