// Package childtest checks that a server started through package child does not outlive a killed parent.
//
//	func TestMain(m *testing.M) { childtest.Main(m, startServer) }
//
//	func TestEndsWithParent(t *testing.T) { childtest.KillParent(t).AwaitExit(t) }
package childtest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dirVar    = "CALLWEAVE_CHILDTEST_DIR"
	exitLimit = 30 * time.Second
)

// Main runs the tests; in the process that [KillParent] starts it runs start instead, which returns
// the process id of the server it started in dir.
func Main(m *testing.M, start func(dir string) (pid int, err error)) {
	dir, isParent := os.LookupEnv(dirVar)
	if !isParent {
		os.Exit(m.Run())
	}
	pid, err := start(dir)
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, pid)
	select {} // until killed
}

// Orphan is a server whose parent was killed.
type Orphan struct {
	Dir string // where it was started
	fd  int    // stays with the process even when its id is used again
}

// KillParent starts this test binary again, lets it start a server, and kills it with SIGKILL.
func KillParent(t *testing.T) Orphan {
	t.Helper()
	dir, err := os.MkdirTemp("", "callweave-childtest-") //nolint:usetesting // others must pass its parents
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), dirVar+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		_ = parent.Wait()
		t.Fatalf("the parent says %q (%v)", line, readErr)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // says that it was killed
	return Orphan{Dir: dir, fd: fd}
}

// AwaitExit fails the test, and kills the server, when that does not end.
func (o Orphan) AwaitExit(t *testing.T) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLIN}}
	deadline := time.Now().Add(exitLimit)
	for {
		n, err := unix.Poll(fds, int(time.Until(deadline).Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			_ = unix.PidfdSendSignal(o.fd, unix.SIGKILL, nil, 0)
			t.Fatalf("the server runs %s after its parent was killed", exitLimit)
		}
		return
	}
}
