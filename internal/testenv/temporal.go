package testenv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	tlog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"callweave/internal/localtemporal"
)

// retention of closed workflows in the namespace of a test; the server accepts no less than a day.
const retention = 24 * time.Hour

const temporalPrefix = "callweave-test-temporal-"

// TemporalNamespace is a namespace that no other test uses.
type TemporalNamespace struct {
	Address   string // host:port of the frontend
	Namespace string
	Client    client.Client // of Namespace, without a codec; closed after the test
}

type temporal struct {
	once       once
	server     *localtemporal.Server
	dir        string
	namespaces atomic.Int64
}

// Temporal returns a fresh namespace of a dev server. Search attributes are the caller's to register.
func Temporal(t testing.TB) TemporalNamespace {
	t.Helper()
	process.requireMain(t)
	p := &process.temporal
	err := p.once.start(p.start)
	if errors.Is(err, localtemporal.ErrNotInstalled) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := "test-" + strconv.FormatInt(p.namespaces.Add(1), 10)
	c, err := p.register(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return TemporalNamespace{Address: p.server.Address(), Namespace: name, Client: c}
}

func (p *temporal) start(ctx context.Context) error {
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	binary, err := localtemporal.FindBinary(root)
	if err != nil {
		return err
	}
	// Not in memory: on a busy machine the server gives up statements, may close its one connection with one of
	// them, and all namespaces are gone (github.com/temporalio/temporal/issues/8017).
	if p.dir, err = makeDir(temporalPrefix); err != nil {
		return err
	}
	p.server, err = localtemporal.Start(ctx, localtemporal.Config{BinaryPath: binary, Dir: p.dir})
	return err
}

func (p *temporal) register(ctx context.Context, name string) (client.Client, error) {
	c, err := client.NewLazyClient(client.Options{
		HostPort: p.server.Address(), Namespace: name,
		Logger: tlog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, fmt.Errorf("create temporal client: %w", err)
	}
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("register namespace %s: %w", name, err)
	}
	return c, nil
}

func (p *temporal) stop(ctx context.Context) error {
	var err error
	if p.server != nil {
		err = p.server.Stop(ctx)
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}

// repositoryRoot is the nearest directory above with a go.mod: tests run in the directory of their package.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find repository: no go.mod above the working directory")
		}
		dir = parent
	}
}
