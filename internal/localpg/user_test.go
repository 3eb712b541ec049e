package localpg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"callweave/internal/localpg"
)

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func TestRootRunsServerAsAnotherUser(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	c := start(t, localpg.Config{Dir: tempDir(t)})
	// Only the data directory's owner may serve it: PostgreSQL checks that itself.
	server := ownerOf(t, filepath.Join(c.Dir(), "data"))
	if server == 0 {
		t.Error("the server runs as root")
	}
	if owner := ownerOf(t, filepath.Join(c.Dir(), "password")); owner != server {
		t.Errorf("the password belongs to user id %d, the server is %d", owner, server)
	}
}

// A clone under /root is the common case: its parents let nobody through.
func TestRootInPrivateDirectory(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	private := filepath.Join(tempDir(t), "private")
	dir := filepath.Join(private, "pg")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, localpg.Config{Dir: dir})
	elsewhere := c.Dir()
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	if strings.HasPrefix(elsewhere, private) {
		t.Fatalf("the cluster is in %s, which its user cannot enter", elsewhere)
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of a directory that is not ours = %v, %v, want it untouched", info.Mode(), err)
	}
	if err := c.CreateDatabase(t.Context(), "kept", ""); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	again := start(t, localpg.Config{Dir: dir})
	if again.Dir() != elsewhere {
		t.Errorf("second start in %s, want %s", again.Dir(), elsewhere)
	}
	if found, err := again.HasDatabase(t.Context(), "kept"); err != nil || !found {
		t.Errorf("database after the second start: %v, %v", found, err)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Who removes the directory wants to begin anew.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	anew := start(t, localpg.Config{Dir: dir})
	t.Cleanup(func() { _ = os.RemoveAll(anew.Dir()) })
	if found, err := anew.HasDatabase(t.Context(), "kept"); err != nil || found {
		t.Errorf("database after the directory was removed: %v, %v", found, err)
	}
}

// What root left behind is not a plain user's to use, and the error says whose it is.
func TestPlainUserInDirectoryOfRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("needs a plain user")
	}
	_, err := localpg.Start(t.Context(), localpg.Config{Dir: "/"})
	if !errors.Is(err, localpg.ErrUnreachableDir) || !strings.Contains(err.Error(), "belongs to user id 0") {
		t.Errorf("error = %v", err)
	}
}
