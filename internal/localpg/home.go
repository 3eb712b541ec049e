package localpg

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"callweave/internal/child"
	"callweave/internal/flock"
)

// What lies in the directory of a cluster.
const (
	lockName     = "lock"
	passwordName = "password"
	dataName     = "data"
	linkName     = "elsewhere"          // see serverUser.reachable
	hbaName      = "callweave_hba.conf" // in the data directory
)

// home is the directory of one cluster, locked by this process:
//
//	lock       held by the process that runs the cluster
//	password   of the administrator, 0600, owned by the server's user
//	data/      the data directory, owned by the server's user
type home struct {
	dir  string
	user *serverUser // nil: the server runs as who we are
	lock *os.File
}

// openHome creates and locks the directory, or the place it stands for when the server's user cannot reach it.
func openHome(ctx context.Context, dir string) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", dir, err)
	}
	user, err := chooseUser(dir)
	if err != nil {
		return nil, err
	}
	// Other users may pass through but not look; what is inside has its own, tighter rights.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("create directory: %w", err)
	}
	if user != nil {
		if dir, err = user.reachable(ctx, dir); err != nil {
			return nil, err
		}
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	return &home{dir: dir, user: user, lock: lock}, nil
}

func (h *home) dataDir() string      { return filepath.Join(h.dir, dataName) }
func (h *home) passwordFile() string { return filepath.Join(h.dir, passwordName) }

// command prepares a server program: as the server's user, in a directory it can enter, and without our
// environment, which may hold secrets.
func (h *home) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = h.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	if h.user != nil {
		cmd.SysProcAttr = h.user.attr()
	}
	return cmd
}

// dataMajor is the major version that wrote the data directory, 0 when there is none yet.
func (h *home) dataMajor() (int, error) {
	text, err := os.ReadFile(filepath.Join(h.dataDir(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of the data directory: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read version of the data directory %s: %w", h.dataDir(), err)
	}
	return major, nil
}

// initialize runs initdb unless there is a data directory. It builds that under another name and renames it when
// it is complete, so the remains of an interrupted run are never taken for a cluster, nor a cluster for remains.
func (h *home) initialize(ctx context.Context, bin binaries, cfg Config) error {
	if _, err := os.Stat(h.dataDir()); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at data directory: %w", err)
	}
	partial := h.dataDir() + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("remove unfinished data directory: %w", err)
	}
	if err := os.Mkdir(partial, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	if err := h.give(partial); err != nil {
		return err
	}
	password := make([]byte, 32)
	rand.Read(password) // never fails, see crypto/rand
	if err := h.writeOwned(h.passwordFile(), hex.EncodeToString(password)); err != nil {
		return err
	}
	if err := h.initdb(ctx, bin, cfg, partial); err != nil {
		return err
	}
	const rules = "host all all 127.0.0.1/32 scram-sha-256\n" //nolint:dupword // any database, any role
	if err := h.writeOwned(filepath.Join(partial, hbaName), rules); err != nil {
		return err
	}
	if err := os.Rename(partial, h.dataDir()); err != nil {
		return fmt.Errorf("complete data directory: %w", err)
	}
	return nil
}

func (h *home) initdb(ctx context.Context, bin binaries, cfg Config, dir string) error {
	args := []string{
		"-D", dir, "--username=" + adminRole, "--pwfile=" + h.passwordFile(), "--auth=scram-sha-256",
		"--encoding=UTF8", "--no-locale", "--no-instructions",
	}
	if cfg.Durable {
		args = append(args, "--data-checksums")
	} else {
		args = append(args, "--no-sync")
	}
	tail := child.NewTail(cfg.Log)
	cmd := h.command(ctx, bin.initdb, args...)
	cmd.Stdout, cmd.Stderr = tail, tail
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("create cluster in %s: %w; initdb ended with: %s", dir, err, tail.Last(logExcerpt))
	}
	return nil
}

func (h *home) writeOwned(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return h.give(path)
}

func (h *home) give(path string) error {
	if h.user == nil {
		return nil
	}
	if err := os.Chown(path, h.user.uid, h.user.gid); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, h.user.name, err)
	}
	return nil
}

func lockDir(dir string) (*os.File, error) {
	lock, err := flock.Acquire(filepath.Join(dir, lockName))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: another process runs a cluster in %s: stop it first", ErrInUse, dir)
	}
	return lock, err
}
