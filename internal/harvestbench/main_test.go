// Package harvestbench measures the harvest of a large account on real parts: Postgres,
// Temporal, and HTTP to a provider that is a process of its own. `make bench-harvest`
// runs it; docs/harvest.md says what it prints.
package harvestbench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"callweave/internal/child"
	"callweave/internal/store"
	"callweave/internal/testenv"
)

// envRole makes the test binary a part of the benchmark: the provider and the worker are
// processes of their own, so that neither's memory and time is taken for the other's.
const (
	envRole  = "CALLWEAVE_BENCH_ROLE"
	envInput = "CALLWEAVE_BENCH_INPUT"
)

func roles() map[string]func(context.Context, []byte) error {
	return map[string]func(context.Context, []byte) error{"provider": provide, "worker": work}
}

func TestMain(m *testing.M) {
	if role, ok := roles()[os.Getenv(envRole)]; ok {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := role(ctx, []byte(os.Getenv(envInput)))
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}

// startRole starts this binary in a role and returns the line it says when it is ready.
func startRole(b *testing.B, role string, input any) (process *child.Process, said string) {
	b.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		b.Fatal(err)
	}
	itself, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	command := exec.Command(itself)
	command.Env = append(os.Environ(), envRole+"="+role, envInput+"="+string(text))
	command.Stderr = os.Stderr
	output, input2 := io.Pipe()
	command.Stdout = input2
	process, err = child.Start(command, syscall.SIGKILL)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		<-process.Done()
		_ = input2.CloseWithError(errors.New("it ended"))
	}()
	b.Cleanup(func() { stopRole(b, process) })
	said, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatalf("the %s did not start: %v", role, err)
	}
	return process, strings.TrimSpace(said)
}

func stopRole(b *testing.B, process *child.Process) {
	b.Helper()
	select {
	case <-process.Done():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := process.Stop(ctx, syscall.SIGTERM); err != nil {
		b.Errorf("stop a part of the benchmark: %v", err)
	}
}
