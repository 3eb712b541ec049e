package localtemporal_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/localtemporal"
)

func binary(t *testing.T) string {
	t.Helper()
	path, err := localtemporal.FindBinary("../..")
	if err != nil && os.Getenv("CALLWEAVE_REQUIRE_SERVICES") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func start(t *testing.T, cfg localtemporal.Config) *localtemporal.Server {
	t.Helper()
	cfg.BinaryPath = binary(t)
	s, err := localtemporal.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

func dial(t *testing.T, s *localtemporal.Server) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: s.Address(), Namespace: s.Namespace()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestStateSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, localtemporal.Config{Dir: dir, Namespace: "callweave"})
	run, err := dial(t, s).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "kept", TaskQueue: "nobody"}, "Any")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	default:
		t.Error("Stop returned before the server was gone")
	}

	again := start(t, localtemporal.Config{Dir: dir, Namespace: "callweave"})
	got, err := dial(t, again).DescribeWorkflowExecution(t.Context(), "kept", "")
	if err != nil {
		t.Fatal(err)
	}
	if id := got.GetWorkflowExecutionInfo().GetExecution().GetRunId(); id != run.GetRunID() {
		t.Errorf("run id after restart = %s, want %s", id, run.GetRunID())
	}
}

func TestUI(t *testing.T) {
	t.Parallel()
	const codec = "http://127.0.0.1:1/codec"
	s := start(t, localtemporal.Config{UI: true, UICodecEndpoint: codec})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.UIURL()+"/api/v1/settings", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), codec) {
		t.Errorf("settings of the UI do not name the codec server: %s", body)
	}
	if _, err := dial(t, s).WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: "default"}); err != nil {
		t.Error(err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	path := binary(t)
	ready := t.TempDir()
	start(t, localtemporal.Config{Dir: ready})
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	port := taken.Addr().(*net.TCPAddr).Port
	old := t.TempDir()
	if err := os.WriteFile(filepath.Join(old, "version"), []byte("temporal version 0.1"), 0o600); err != nil {
		t.Fatal(err)
	}

	for name, tt := range map[string]struct {
		cfg  localtemporal.Config
		want error
		says string
	}{
		"port of another program":        {localtemporal.Config{BinaryPath: path, Port: port}, localtemporal.ErrPortInUse, "choose another port"},
		"UI port of another program":     {localtemporal.Config{BinaryPath: path, UI: true, UIPort: port}, localtemporal.ErrPortInUse, "choose another port"},
		"directory of a running server":  {localtemporal.Config{BinaryPath: path, Dir: ready}, localtemporal.ErrInUse, "stop it first"},
		"state of another version":       {localtemporal.Config{BinaryPath: path, Dir: old}, localtemporal.ErrVersion, "begin anew"},
		"no program":                     {localtemporal.Config{}, localtemporal.ErrNotInstalled, "no program given"},
		"a program that is not temporal": {localtemporal.Config{BinaryPath: "/bin/false"}, localtemporal.ErrNotInstalled, "/bin/false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := localtemporal.Start(t.Context(), tt.cfg)
			if err == nil {
				_ = s.Stop(context.Background())
				t.Fatal("started")
			}
			if !errors.Is(err, tt.want) {
				t.Fatalf("error = %v, want %v", err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
		})
	}
}

// A first start that was killed leaves a database without a schema.
func TestUnfinishedDatabaseIsReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "temporal.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, localtemporal.Config{Dir: dir})
}

// onWrite calls a function with what a server prints.
type onWrite func(text string)

func (f onWrite) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// A program that never answers stands for a server that hangs. Cancelling must leave no process behind.
func TestStartGivesUpWithContext(t *testing.T) {
	t.Parallel()
	hangs := filepath.Join(t.TempDir(), "temporal")
	script := "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 1\necho $$\nexec sleep 600\n"
	if err := os.WriteFile(hangs, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pid string
	_, err := localtemporal.Start(ctx, localtemporal.Config{BinaryPath: hangs, Log: onWrite(func(text string) {
		pid = strings.TrimSpace(text)
		cancel()
	})})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want context.Canceled", err)
	}
	id, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(id, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after Start gave up: %v, want none", id, err)
	}
}

func TestFindBinary(t *testing.T) {
	empty := t.TempDir()
	root := t.TempDir()
	local := filepath.Join(root, ".local", "bin", "temporal")
	if err := os.MkdirAll(filepath.Dir(local), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(local, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		root, path, override string
		want                 string
	}{
		"override first":        {root, empty, "/bin/sh", "/bin/sh"},
		"then the repository":   {root, empty, "", local},
		"then PATH":             {empty, filepath.Dir(local), "", local},
		"nowhere":               {empty, empty, "", ""},
		"override that is gone": {root, empty, filepath.Join(empty, "none"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TEMPORAL_CLI", tt.override)
			t.Setenv("PATH", tt.path)
			got, err := localtemporal.FindBinary(tt.root)
			if got != tt.want {
				t.Errorf("FindBinary = %q, want %q", got, tt.want)
			}
			if (tt.want == "") != errors.Is(err, localtemporal.ErrNotInstalled) {
				t.Errorf("error = %v", err)
			}
		})
	}
}
