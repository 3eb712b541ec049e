package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"callweave/internal/localtemporal"
)

// TestCtrlCLeavesNothingBehind interrupts the demonstration in the middle of the journey.
func TestCtrlCLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("needs /proc to see every process")
	}
	temporal, err := localtemporal.FindBinary("../..")
	if err != nil {
		if os.Getenv("CALLWEAVE_REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	program, state := filepath.Join(dir, "demo"), filepath.Join(dir, "state")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	demo := exec.CommandContext(t.Context(), program, "--state-dir", state)
	demo.Env = append(os.Environ(), "TEMPORAL_CLI="+temporal)
	demo.Stderr = os.Stderr
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	interrupted := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		t.Log(lines.Text())
		if !interrupted && strings.Contains(lines.Text(), "sign in at Zoom") {
			interrupted = true
			if len(processesOf(t, state)) < 4 {
				t.Error("the search finds less than Postgres, Temporal, worker and starter while they run")
			}
			if err := demo.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = demo.Wait()
	var exit *exec.ExitError
	if !interrupted || !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("interrupted: %t, ended with %v, want exit code 130", interrupted, err)
	}
	if left := processesOf(t, state); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
}

// processesOf finds every process that was started with something of the state directory,
// or of the directory where Postgres lies instead when root starts it.
func processesOf(t *testing.T, state string) []string {
	t.Helper()
	marks := []string{state}
	if elsewhere, err := os.Readlink(filepath.Join(state, "postgres", "elsewhere")); err == nil {
		marks = append(marks, elsewhere)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, line := range lines {
		if filepath.Base(filepath.Dir(line)) == "self" {
			continue
		}
		command, err := os.ReadFile(line)
		if err != nil || strings.Contains(string(command), "--state-dir") {
			continue // gone, or the demonstration itself
		}
		for _, mark := range marks {
			if bytes.Contains(command, []byte(mark)) && syscall.Access(filepath.Dir(line), 0) == nil {
				found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
				break
			}
		}
	}
	return found
}
