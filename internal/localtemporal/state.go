package localtemporal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"callweave/internal/flock"
)

// state is the directory of a server that keeps its data, locked by this process:
//
//	lock          held by the process that runs the server
//	temporal.db   SQLite
//	version       of the server that made the database; its presence says that the schema is complete
type state struct {
	dir  string
	lock *os.File
}

func openState(dir, version string) (_ *state, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create directory: %w", err)
	}
	lock, err := flock.Acquire(filepath.Join(dir, "lock"))
	if errors.Is(err, flock.ErrHeld) {
		return nil, fmt.Errorf("%w: another process runs a server in %s: stop it first", ErrInUse, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &state{dir: dir, lock: lock}
	if err := s.check(version); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *state) database() string    { return filepath.Join(s.dir, "temporal.db") }
func (s *state) versionFile() string { return filepath.Join(s.dir, "version") }
func (s *state) close()              { _ = s.lock.Close() }

// check removes a database whose making was interrupted: the server would take it for a complete one, because the
// file exists, and fail. It refuses one of another version, because the development server does not migrate.
func (s *state) check(version string) error {
	made, err := os.ReadFile(s.versionFile())
	if errors.Is(err, fs.ErrNotExist) {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			if err := os.Remove(s.database() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove unfinished database: %w", err)
			}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read version of the database: %w", err)
	}
	if string(made) != version {
		return fmt.Errorf("%w: the data in %s was written by %q, installed is %q: use that version, or remove the directory to begin anew",
			ErrVersion, s.dir, made, version)
	}
	return nil
}

// complete notes that the database can be used from now on.
func (s *state) complete(version string) error {
	if err := os.WriteFile(s.versionFile(), []byte(version), 0o600); err != nil {
		return fmt.Errorf("note version of the database: %w", err)
	}
	return nil
}
