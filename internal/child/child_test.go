package child_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"callweave/internal/child"
)

// script is a shell script that runs as a child and talks over pipes.
type script struct {
	*child.Process

	in  io.Writer
	out *bufio.Scanner
}

// startScript returns when the script has printed "ready".
func startScript(t *testing.T, text string) script {
	t.Helper()
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", text)
	cmd.Stdin, cmd.Stdout = inRead, outWrite
	p, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	_ = inRead.Close()
	_ = outWrite.Close()
	t.Cleanup(func() {
		_ = p.Stop(context.Background(), syscall.SIGKILL)
		_ = inWrite.Close()
		_ = outRead.Close()
	})
	s := script{Process: p, in: inWrite, out: bufio.NewScanner(outRead)}
	if !s.out.Scan() || s.out.Text() != "ready" {
		t.Fatalf("first line = %q, %v", s.out.Text(), s.out.Err())
	}
	return s
}

func TestStop(t *testing.T) {
	t.Parallel()
	patient := func(t *testing.T) context.Context { t.Helper(); return t.Context() }
	hurried := func(t *testing.T) context.Context {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	for name, tt := range map[string]struct {
		script  string
		ctx     func(*testing.T) context.Context
		signals []syscall.Signal
		want    error
	}{
		"obeys":                   {`trap 'exit 0' INT; echo ready; read -r _`, patient, []syscall.Signal{syscall.SIGINT}, nil},
		"obeys with an exit code": {`trap 'exit 3' INT; echo ready; read -r _`, patient, []syscall.Signal{syscall.SIGINT}, nil},
		"obeys only the second": {
			`trap '' INT; trap 'exit 0' QUIT; echo ready; while :; do read -r _; done`,
			hurried,
			[]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT},
			child.ErrUnclean,
		},
		"obeys none": {
			`trap '' INT; echo ready; while :; do read -r _; done`,
			hurried,
			[]syscall.Signal{syscall.SIGINT},
			child.ErrUnclean,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startScript(t, tt.script)
			if err := s.Stop(tt.ctx(t), tt.signals...); !errors.Is(err, tt.want) {
				t.Errorf("Stop = %v, want %v", err, tt.want)
			}
			if err := syscall.Kill(s.Pid(), 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process after Stop: %v, want none", err)
			}
		})
	}
}

func TestStopTellsThatItHadEnded(t *testing.T) {
	t.Parallel()
	s := startScript(t, `echo ready; exit 3`)
	<-s.Done()
	if err := s.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("Err = %v, want exit status 3", err)
	}
	if err := s.Stop(t.Context(), syscall.SIGINT); !errors.Is(err, child.ErrExited) {
		t.Errorf("Stop = %v, want ErrExited", err)
	}
}

// Ctrl-C in a terminal goes to the whole foreground process group.
func TestStartsInItsOwnProcessGroup(t *testing.T) {
	t.Parallel()
	s := startScript(t, `echo ready; read -r _`)
	group, err := syscall.Getpgid(s.Pid())
	if err != nil {
		t.Fatal(err)
	}
	if group != s.Pid() {
		t.Errorf("process group = %d, want its own %d", group, s.Pid())
	}
}

func TestStartNamesMissingProgram(t *testing.T) {
	t.Parallel()
	_, err := child.Start(exec.CommandContext(t.Context(), "/nonexistent/server"), syscall.SIGKILL)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/server") {
		t.Errorf("error = %v", err)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	tail := child.NewTail(&all)
	for _, text := range []string{strings.Repeat("old\n", 2000), "first\nsec", "ond\n"} {
		if n, err := tail.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if got := tail.Last(2); got != "first; second" {
		t.Errorf("Last(2) = %q", got)
	}
	if !tail.Contains("second") || tail.Contains("third") {
		t.Error("Contains is wrong")
	}
	if got := all.Len(); got != 8000+16-3 {
		t.Errorf("passed on %d bytes", got)
	}
}
