// Package child runs a server program as a child process that does not outlive its parent.
//
// A test binary or a demo that is killed must leave no database behind. On Linux the kernel
// delivers the signal (PR_SET_PDEATHSIG); elsewhere a small watchdog waits for the parent's end of a pipe to close.
package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// lastGrace is how long a child that ignored an earlier signal may take to answer the next one.
const lastGrace = 5 * time.Second

// ErrExited says that a child had ended before anybody asked it to.
var ErrExited = errors.New("process ended by itself")

// ErrUnclean says that a child ended only after it had to be signalled more than once.
var ErrUnclean = errors.New("process did not stop in time and was ended by force")

// Process is a running child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start starts cmd in a process group of its own, so that Ctrl-C in a terminal reaches only the parent, which
// then decides the order of stopping. When the parent dies without stopping it, the child gets onParentDeath.
//
// Start owns cmd.SysProcAttr.Setpgid and the wait; the caller must not call cmd.Wait.
func Start(cmd *exec.Cmd, onParentDeath syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.WaitDelay = lastGrace // grandchildren may hold the output open for a moment
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal is tied to the thread that forked, not to the process
		// (see prctl(2)), so that thread is kept for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		release, err := startGuarded(cmd, onParentDeath)
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		release()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Pid is the process id of the child.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended and all its output was read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the child ended; nil while it runs and after exit code 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Stop sends the first signal and waits for the child to end. When ctx ends first it goes on to the next
// signals, each with a short grace, and finally to SIGKILL; it returns only when the child is gone.
//
// It returns ErrExited when the child had ended before, ErrUnclean when the first signal was not enough.
func (p *Process) Stop(ctx context.Context, signals ...syscall.Signal) error {
	select {
	case <-p.done:
		return fmt.Errorf("%w: %w", ErrExited, exitError(p.err))
	default:
	}
	for i, sig := range append(signals, syscall.SIGKILL) {
		// The only failure is that the child is gone already, and then done is about to be closed.
		if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal process %d: %w", p.Pid(), err)
		}
		if i == 0 {
			select {
			case <-p.done:
				return nil
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-p.done:
			return ErrUnclean
		case <-time.After(lastGrace):
		}
	}
	<-p.done
	return ErrUnclean
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
