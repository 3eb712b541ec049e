package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeNew writes a secret to a file that did not exist, for its owner only. The file is
// there whole or not at all, and never in the place of another.
func writeNew(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".callweave-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	// Unlike a rename, a link refuses a name that is taken.
	if err := os.Link(file.Name(), path); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("write %s: %w: it is not overwritten", path, os.ErrExist)
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
