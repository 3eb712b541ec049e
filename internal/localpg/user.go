package localpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// serverUser runs the server when we are root, because PostgreSQL refuses to run as root.
type serverUser struct {
	name     string
	uid, gid int
}

// candidates, best first: the user that PostgreSQL packages create, then the unprivileged user of every system.
func candidates() []string { return []string{"postgres", "_postgres", "nobody"} }

// chooseUser returns nil for everybody but root. Root runs an existing data directory as its owner.
func chooseUser(dir string) (*serverUser, error) {
	if os.Geteuid() != 0 {
		return nil, ownedByUs(dir, filepath.Join(dir, dataName))
	}
	if target, err := os.Readlink(filepath.Join(dir, linkName)); err == nil {
		dir = target
	}
	owner, err := ownerOf(filepath.Join(dir, dataName))
	if err != nil {
		return nil, err
	}
	if owner > 0 {
		return lookup(user.LookupId(strconv.Itoa(owner)))
	}
	for _, name := range candidates() {
		if u, err := lookup(user.Lookup(name)); err == nil && u.uid != 0 {
			return u, nil
		}
	}
	return nil, fmt.Errorf("%w: postgresql does not run as root and there is no user %v: create one with 'useradd --system postgres'",
		ErrUnreachableDir, candidates())
}

// ownedByUs finds what an earlier run as another user, such as root, left behind.
func ownedByUs(paths ...string) error {
	me := os.Geteuid()
	for _, path := range paths {
		owner, err := ownerOf(path)
		if err != nil {
			return err
		}
		if owner >= 0 && owner != me {
			return fmt.Errorf("%w: %s belongs to user id %d and this process is user id %d: run as that user, or remove it as that user or root",
				ErrUnreachableDir, path, owner, me)
		}
	}
	return nil
}

func lookup(u *user.User, err error) (*serverUser, error) {
	if err != nil {
		return nil, fmt.Errorf("look up user for the server: %w", err)
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return nil, fmt.Errorf("look up user %s: %w", u.Username, err)
	}
	return &serverUser{name: u.Username, uid: uid, gid: gid}, nil
}

// ownerOf returns the user id that owns path, -1 when there is no such path.
func ownerOf(path string) (int, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("look at %s: %w", path, err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, fmt.Errorf("look at %s: no owner on this system", path)
	}
	return int(stat.Uid), nil
}

func (u *serverUser) attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}}
}

// reachable returns dir when the user can enter it, and otherwise (a clone under /root is the common case) a new
// directory in a place for temporary files that survives a reboot. A symbolic link in dir leads there.
func (u *serverUser) reachable(ctx context.Context, dir string) (string, error) {
	link := filepath.Join(dir, linkName)
	if target, err := os.Readlink(link); err == nil && onlyRootWrites(target) && u.canEnter(ctx, target) {
		return target, nil
	}
	if err := addSearch(dir); err != nil {
		return "", err
	}
	if u.canEnter(ctx, dir) {
		return dir, nil
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("look for a directory of the server: %w", err)
	}
	for _, parent := range []string{"/var/tmp", os.TempDir()} {
		elsewhere, err := os.MkdirTemp(parent, "callweave-postgres-")
		if err != nil {
			continue
		}
		if err := addSearch(elsewhere); err != nil || !u.canEnter(ctx, elsewhere) {
			_ = os.Remove(elsewhere) // it is empty
			continue
		}
		_ = os.Remove(link) // it leads nowhere, or there is none
		if err := os.Symlink(elsewhere, link); err != nil {
			return "", fmt.Errorf("note where the cluster is: %w", err)
		}
		return elsewhere, nil
	}
	return "", fmt.Errorf("%w: user %s, who must run postgresql for root, cannot enter %s nor a directory under %s: make one of them and its parents searchable (chmod o+x), or run as a plain user",
		ErrUnreachableDir, u.name, dir, os.TempDir())
}

// addSearch lets other users pass through dir, which a umask or MkdirTemp denies them.
func addSearch(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
		return fmt.Errorf("let other users pass %s: %w", dir, err)
	}
	return nil
}

// onlyRootWrites guards against a directory that another user of the machine put into a shared place after ours
// was cleaned away.
func onlyRootWrites(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}

// canEnter asks the kernel, which knows about access lists and mount options that mode bits do not show.
func (u *serverUser) canEnter(ctx context.Context, dir string) bool {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `cd -- "$1"`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = u.attr()
	return cmd.Run() == nil
}
