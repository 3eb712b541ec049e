package localpg_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"callweave/internal/localpg"
)

// requireServer skips where PostgreSQL is not installed, unless the environment insists.
func requireServer(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, localpg.ErrNotInstalled) && os.Getenv("CALLWEAVE_REQUIRE_SERVICES") != "1" {
		t.Skip(err)
	}
}

// tempDir is a directory whose parents every user can pass, unlike those of t.TempDir.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "callweave-localpg-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func start(t *testing.T, cfg localpg.Config) *localpg.Cluster {
	t.Helper()
	c, err := localpg.Start(t.Context(), cfg)
	requireServer(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop(context.Background()) })
	return c
}

func queryOne[T any](t *testing.T, url, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func TestSecondStartKeepsData(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	c := start(t, localpg.Config{Dir: dir, Durable: true})
	if err := c.CreateDatabase(t.Context(), "kept", ""); err != nil {
		t.Fatal(err)
	}
	exec(t, c.URL("kept"), "create table t as select 7 as n")
	first := c.URL("kept")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("Stop returned before the server was gone")
	}

	again := start(t, localpg.Config{Dir: dir, Durable: true, Port: c.Port()})
	if got := again.URL("kept"); got != first {
		t.Error("the URL changed over a restart on the same port")
	}
	if n := queryOne[int](t, again.URL("kept"), "select n from t"); n != 7 {
		t.Errorf("row after restart = %d, want 7", n)
	}
	if got := queryOne[string](t, again.URL("kept"), "show fsync"); got != "on" {
		t.Errorf("fsync of a durable cluster = %s", got)
	}
	found, err := again.HasDatabase(t.Context(), "kept")
	if err != nil || !found {
		t.Errorf("HasDatabase = %v, %v", found, err)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := start(t, localpg.Config{Dir: tempDir(t), Log: &log})
	if err := c.CreateDatabase(t.Context(), "app", ""); err != nil {
		t.Fatal(err)
	}
	url := c.URL("app")

	for setting, want := range map[string]string{
		"listen_addresses": "127.0.0.1",
		"is_superuser":     "off",
		"server_encoding":  "UTF8",
		"fsync":            "off",
	} {
		if got := queryOne[string](t, url, "show "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	for _, dir := range []string{os.TempDir(), "/tmp", "/run/postgresql"} {
		if _, err := os.Stat(filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(c.Port()))); err == nil {
			t.Errorf("there is a Unix socket in %s", dir)
		}
	}
	for name, bad := range map[string]string{
		"no password":    strings.Replace(url, password(t, url), "", 1),
		"wrong password": strings.Replace(url, password(t, url), "0000", 1),
	} {
		if conn, err := pgx.Connect(t.Context(), bad); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("%s: connected", name)
		}
	}
	info, err := os.Stat(filepath.Join(c.Dir(), "password"))
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm != 0o600 {
		t.Errorf("password file mode = %o, want 600", perm)
	}

	const marker = "a-persons-name"
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "create table p (name text primary key); insert into p values ('"+marker+"'), ('"+marker+"')")
	if err == nil {
		t.Fatal("a duplicate key was accepted")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "duplicate key") {
		t.Error("the error is not in the log")
	}
	if strings.Contains(log.String(), marker) {
		t.Error("a value of a row is in the log")
	}
}

func password(t *testing.T, url string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Password
}

func TestCreateDatabaseFromFrozenTemplate(t *testing.T) {
	t.Parallel()
	c := start(t, localpg.Config{Dir: tempDir(t)})
	if err := c.CreateDatabase(t.Context(), "template", ""); err != nil {
		t.Fatal(err)
	}
	exec(t, c.URL("template"), "create table t as select 7 as n")
	if err := c.FreezeTemplate(t.Context(), "template"); err != nil {
		t.Fatal(err)
	}
	if conn, err := pgx.Connect(t.Context(), c.URL("template")); err == nil {
		_ = conn.Close(t.Context())
		t.Error("connected to a frozen template")
	}
	if err := c.CreateDatabase(t.Context(), `odd "name"`, "template"); err != nil {
		t.Fatal(err)
	}
	if n := queryOne[int](t, c.URL(`odd "name"`), "select n from t"); n != 7 {
		t.Errorf("row in the copy = %d, want 7", n)
	}
	if err := c.DropDatabase(t.Context(), `odd "name"`); err != nil {
		t.Fatal(err)
	}
	if found, err := c.HasDatabase(t.Context(), `odd "name"`); found || err != nil {
		t.Errorf("HasDatabase after drop = %v, %v", found, err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	ready := start(t, localpg.Config{Dir: tempDir(t)})

	tests := map[string]struct {
		config func(t *testing.T) localpg.Config
		want   error
		says   string
	}{
		"port of another program": {
			config: func(t *testing.T) localpg.Config {
				t.Helper()
				l, err := net.Listen("tcp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = l.Close() })
				return localpg.Config{Dir: tempDir(t), Port: l.Addr().(*net.TCPAddr).Port}
			},
			want: localpg.ErrPortInUse, says: "choose another port",
		},
		"directory of a running cluster": {
			config: func(*testing.T) localpg.Config { return localpg.Config{Dir: ready.Dir()} },
			want:   localpg.ErrInUse, says: "stop it first",
		},
		"nothing installed": {
			config: func(t *testing.T) localpg.Config {
				t.Helper()
				return localpg.Config{Dir: tempDir(t), BinDir: tempDir(t)}
			},
			want: localpg.ErrNotInstalled, says: "install",
		},
		"data of another major version": {
			config: func(t *testing.T) localpg.Config {
				t.Helper()
				dir := tempDir(t)
				if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				return localpg.Config{Dir: dir}
			},
			want: localpg.ErrVersion, says: "written by version 9",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := localpg.Start(t.Context(), tt.config(t))
			if err == nil {
				_ = c.Stop(context.Background())
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

// A crash leaves postmaster.pid behind. The worst case is that its process id belongs to another process of the
// same user by now; process 1 and our own are both alive and neither is the server.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]int{"process is gone": 1<<22 - 1, "id taken by another process": os.Getpid()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			c := start(t, localpg.Config{Dir: dir})
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			stale := strconv.Itoa(pid) + "\n" + filepath.Join(dir, "data") + "\n1700000000\n5432\n\n127.0.0.1\n"
			if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
				t.Fatal(err)
			}
			again := start(t, localpg.Config{Dir: dir})
			if queryOne[int](t, again.URL("postgres"), "select 1") != 1 {
				t.Error("server does not answer")
			}
		})
	}
}

func TestInterruptedInitdbIsRepeated(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	if err := os.Mkdir(filepath.Join(dir, "data.partial"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data.partial", "PG_VERSION"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, localpg.Config{Dir: dir})
}

func TestStartGivesUpWithContext(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	start(t, localpg.Config{Dir: tempDir(t)}) // or skip
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var log bytes.Buffer
	_, err := localpg.Start(ctx, localpg.Config{Dir: dir, Log: onWrite(func(p []byte) {
		log.Write(p)
		if bytes.Contains(log.Bytes(), []byte("starting PostgreSQL")) {
			cancel()
		}
	})})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want context.Canceled", err)
	}
	if !strings.Contains(log.String(), "database system is shut down") {
		t.Errorf("the server was not stopped: %s", log.String())
	}
	start(t, localpg.Config{Dir: dir}) // nothing is in the way
}

// onWrite calls a function with what a server prints.
type onWrite func(p []byte)

func (f onWrite) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
