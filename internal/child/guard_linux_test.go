package child_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"callweave/internal/child"
	"callweave/internal/child/childtest"
)

func TestMain(m *testing.M) {
	childtest.Main(m, func(string) (int, error) {
		p, err := child.Start(exec.CommandContext(context.Background(), "sleep", "600"), syscall.SIGKILL)
		if err != nil {
			return 0, err
		}
		return p.Pid(), nil
	})
}

func TestEndsWithParent(t *testing.T) {
	t.Parallel()
	childtest.KillParent(t).AwaitExit(t)
}

// The kernel ties the signal to the thread that forked. Go ends a thread when its locked goroutine returns.
func TestOutlivesTheThreadOfTheCaller(t *testing.T) {
	t.Parallel()
	var s script
	task := "/proc/self/task/" + strconv.Itoa(onDyingThread(func() {
		s = startScript(t, `echo ready; while read -r line; do echo "$line"; done`)
	}))
	gone := time.NewTicker(time.Millisecond)
	defer gone.Stop()
	for range 10_000 {
		if _, err := os.Stat(task); err != nil {
			break
		}
		<-gone.C
	}
	if _, err := os.Stat(task); err == nil {
		t.Fatal("the runtime keeps the thread: this test cannot tell")
	}
	if s.Process == nil {
		return // startScript has said why
	}
	fmt.Fprintln(s.in, "still here")
	if !s.out.Scan() || s.out.Text() != "still here" {
		t.Errorf("the child answers %q, %v: it ended with the thread that asked for it", s.out.Text(), s.Err())
	}
}

// onDyingThread runs f on a thread that then ends, and returns the id of that.
func onDyingThread(f func()) int {
	id := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // and never unlock
		if syscall.Gettid() == os.Getpid() {
			// The main thread never ends: hold it and take another one.
			id <- onDyingThread(f)
			return
		}
		defer func() { id <- syscall.Gettid() }() // also when f fails the test
		f()
	}()
	return <-id
}
