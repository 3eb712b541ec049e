package localtemporal

import (
	"bufio"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"callweave/internal/child"
)

const (
	cliModule     = "github.com/temporalio/cli"
	reportEvery   = 5 * time.Second
	buildLogLines = 10

	// packagesTotal is how many packages a cold build compiles, to give the progress an end.
	packagesTotal = 1300
)

// Build makes the temporal program of [Version] from its Go module and returns its path in dir. It takes minutes on a
// cold cache, so it tells progress what it does and how long it has been at it. An earlier program in dir is
// replaced only by a complete one.
func Build(ctx context.Context, dir string, progress io.Writer) (string, error) {
	began := time.Now()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create directory: %w", err)
	}
	stage, err := os.MkdirTemp(dir, ".temporal-")
	if err != nil {
		return "", fmt.Errorf("create directory: %w", err)
	}
	defer os.RemoveAll(stage)
	gobin, err := filepath.Abs(stage) // go insists on that
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", stage, err)
	}
	fmt.Fprintf(progress, "building the Temporal CLI %s into %s: once, a few minutes on a cold cache\n", Version, dir)
	if err := install(ctx, gobin, progress, began); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "temporal")
	if err := os.Rename(filepath.Join(stage, "temporal"), path); err != nil {
		return "", fmt.Errorf("move program into place: %w", err)
	}
	fmt.Fprintf(progress, "built %s in %s\n", path, time.Since(began).Round(time.Second))
	return path, nil
}

func install(ctx context.Context, dir string, progress io.Writer, began time.Time) error {
	cmd := exec.CommandContext(ctx, "go", "install", "-v", "-trimpath",
		"-ldflags=-s -w -X "+cliModule+"/temporalcli.Version="+strings.TrimPrefix(Version, "v"),
		cliModule+"/cmd/temporal@"+Version)
	cmd.Dir = dir
	// Its SQLite is pure Go; without cgo the build needs no C compiler.
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	output, input, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("open pipe: %w", err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = input, input
	if err := cmd.Start(); err != nil {
		_ = input.Close()
		return fmt.Errorf("run go install: %w", err)
	}
	_ = input.Close() // the child has its own
	tail := child.NewTail(nil)
	report(io.TeeReader(output, tail), progress, began)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("build temporal %s: %w; go install ended with: %s", Version, err, tail.Last(buildLogLines))
	}
	return nil
}

// report reads the output of go install -v, a line per downloaded module or compiled package, until it ends.
func report(output io.Reader, progress io.Writer, began time.Time) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			lines <- s.Text()
		}
		_, _ = io.Copy(io.Discard, output) // a line too long to scan must not block the child
	}()
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	var compiled, downloaded int
	now := "resolving modules"
	for {
		select {
		case line, more := <-lines:
			if !more {
				return
			}
			if module, ok := strings.CutPrefix(line, "go: downloading "); ok {
				downloaded++
				now = "downloading " + module
			} else {
				compiled++
				now = "compiling " + line
			}
		case <-ticker.C:
			fmt.Fprintf(progress, "  %s: %d modules downloaded, %d of about %d packages compiled; %s\n",
				time.Since(began).Round(time.Second), downloaded, compiled, packagesTotal, now)
		}
	}
}

// Ensure builds the program unless dir holds the one of [Version], so that a changed pin takes effect.
func Ensure(ctx context.Context, dir string, progress io.Writer) error {
	info, err := buildinfo.ReadFile(filepath.Join(dir, "temporal"))
	if err == nil && info.Main.Path == cliModule && info.Main.Version == Version {
		return nil
	}
	_, err = Build(ctx, dir, progress)
	return err
}
