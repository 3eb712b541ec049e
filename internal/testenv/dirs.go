package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"callweave/internal/flock"
)

const leftoverAge = time.Hour

// makeDir makes a directory for a server's data, and takes away those of test binaries that were killed.
func makeDir(prefix string) (string, error) {
	removeLeftovers(prefix)
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return "", fmt.Errorf("create directory for a server: %w", err)
	}
	return dir, nil
}

// removeLeftovers deletes the data of test binaries that were killed. The server of a living one holds its lock.
func removeLeftovers(prefix string) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		// A young one may be between creating its lock file and locking it.
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < leftoverAge {
			continue
		}
		lock, err := flock.Acquire(filepath.Join(dir, "lock"))
		if err != nil {
			continue // in use, or somebody else's
		}
		_ = os.RemoveAll(dir) // what remains is tried again by the next run
		_ = lock.Close()
	}
}
