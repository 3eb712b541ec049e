// Package localtemporal runs a Temporal development server as a child process, for tests and for one-machine use.
//
// The server asks nobody who he is, so it listens on loopback only. It ends with its parent.
package localtemporal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"callweave/internal/child"
	"callweave/internal/freeport"
)

const (
	loopback   = "127.0.0.1"
	portTries  = 5
	logExcerpt = 6 // lines of the server's log quoted in an error

	pollInterval = 20 * time.Millisecond // between questions to a server that is starting
	abandonGrace = 5 * time.Second
)

var (
	// ErrNotInstalled says that there is no temporal program; the text names the command that builds it.
	ErrNotInstalled = errors.New("temporal command is not installed")
	// ErrVersion says that the stored state was written by another version of the server.
	ErrVersion = errors.New("temporal version does not fit")
	// ErrInUse says that another process runs a server on the directory.
	ErrInUse = errors.New("directory is in use")
	// ErrPortInUse says that another program listens on the port.
	ErrPortInUse = errors.New("port is in use")
)

// Config says how to run a server.
type Config struct {
	// BinaryPath is the temporal program, see [FindBinary]. Required.
	BinaryPath string
	// Dir keeps the state over restarts; "" keeps it in memory.
	Dir string
	// Port of the gRPC frontend on 127.0.0.1; 0 takes a free one.
	Port int
	// UI serves the web UI, on UIPort or, when that is 0, on a free one.
	UI     bool
	UIPort int
	// UICodecEndpoint is the URL of a codec server that the browser asks to decode payloads; may be empty.
	UICodecEndpoint string
	// Namespace is created in addition to "default"; may be empty.
	Namespace string
	// Log receives the output of the server; nil drops it.
	Log io.Writer
}

// Server is a running development server.
type Server struct {
	cfg     Config // with the ports that were chosen
	process *child.Process
	state   *state // nil in memory
}

// Start starts the server and returns when the frontend answers, the namespace exists and the UI accepts
// connections. When ctx ends first, the server is stopped again; later ctx has no say.
//
// Errors to tell apart: [ErrNotInstalled], [ErrVersion], [ErrInUse], [ErrPortInUse]. The text of each says what to do.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("start temporal: %w", err)
		}
	}()
	version, err := binaryVersion(ctx, cfg.BinaryPath)
	if err != nil {
		return nil, err
	}
	if cfg.Namespace == "" {
		cfg.Namespace = "default"
	}
	s := &Server{cfg: cfg}
	if cfg.Dir != "" {
		if s.state, err = openState(cfg.Dir, version); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				s.state.close()
			}
		}()
	}
	if err := s.launch(ctx, cfg); err != nil {
		return nil, err
	}
	if s.state != nil {
		if err := s.state.complete(version); err != nil {
			return nil, s.abandon(ctx, err)
		}
	}
	return s, nil
}

// launch starts the process, with other ports when somebody was faster to take the free ones. The server picks ports
// for its inner services too, so that can happen even where both of ours are given.
func (s *Server) launch(ctx context.Context, want Config) error {
	for try := 1; ; try++ {
		var err error
		if s.cfg.Port, err = choosePort(ctx, want.Port); err != nil {
			return err
		}
		if want.UI {
			if s.cfg.UIPort, err = choosePort(ctx, want.UIPort); err != nil {
				return err
			}
		}
		tail := child.NewTail(s.cfg.Log)
		cmd := exec.CommandContext(context.WithoutCancel(ctx), s.cfg.BinaryPath, s.args()...)
		cmd.Env = environment()
		cmd.Stdout, cmd.Stderr = tail, tail
		// SQLite survives the death of a process, and a server that stops gracefully may wait for pollers.
		if s.process, err = child.Start(cmd, syscall.SIGKILL); err != nil {
			return err
		}
		err = s.awaitReady(ctx)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, child.ErrExited):
			return s.abandon(ctx, err)
		case try == portTries || !tail.Contains("address already in use"):
			return fmt.Errorf("%w; its log ends: %s", err, tail.Last(logExcerpt))
		}
	}
}

// Stop ends the server; the process is gone on return. When ctx ends first, it is killed and an error says so.
func (s *Server) Stop(ctx context.Context) error {
	if s.state != nil {
		defer s.state.close()
	}
	if err := s.process.Stop(ctx, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop temporal: %w", err)
	}
	return nil
}

func (s *Server) abandon(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonGrace)
	defer cancel()
	if stopErr := s.process.Stop(ctx, syscall.SIGINT); stopErr != nil {
		return errors.Join(err, stopErr)
	}
	return err
}

// Done is closed when the server has ended, whether stopped or by itself.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Pid is the process id of the server.
func (s *Server) Pid() int { return s.process.Pid() }

// Address is host and port of the gRPC frontend.
func (s *Server) Address() string { return net.JoinHostPort(loopback, strconv.Itoa(s.cfg.Port)) }

// Namespace is the namespace that was asked for, or "default".
func (s *Server) Namespace() string { return s.cfg.Namespace }

// UIURL is where the web UI answers, "" without one.
func (s *Server) UIURL() string {
	if !s.cfg.UI {
		return ""
	}
	return "http://" + net.JoinHostPort(loopback, strconv.Itoa(s.cfg.UIPort))
}

// environment leaves out everything of ours: it may hold secrets, or settings meant for a client of Temporal.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// choosePort returns want when it is free, and any free port when want is 0.
func choosePort(ctx context.Context, want int) (int, error) {
	port, err := freeport.Choose(ctx, want)
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, fmt.Errorf("%w: another program listens on %s:%d: stop it or choose another port", ErrPortInUse, loopback, want)
	}
	return port, err
}
