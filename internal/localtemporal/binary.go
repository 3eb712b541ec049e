package localtemporal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Version of the Temporal CLI, whose development server is used. This is the one place where it stands.
const Version = "v1.5.1"

// binaryVar overrides where the temporal program is.
const binaryVar = "TEMPORAL_CLI"

// FindBinary returns the temporal program: $TEMPORAL_CLI, else .local/bin/temporal under root, the directory of the
// repository, else the first in PATH. The error is [ErrNotInstalled].
func FindBinary(root string) (string, error) {
	if path := os.Getenv(binaryVar); path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("%w: $%s names %s, which cannot be run: %w", ErrNotInstalled, binaryVar, path, err)
		}
		return found, nil
	}
	for _, path := range []string{filepath.Join(root, ".local", "bin", "temporal"), "temporal"} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%w: build it with 'make tools', or name it in $%s", ErrNotInstalled, binaryVar)
}

func binaryVersion(ctx context.Context, path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("%w: no program given", ErrNotInstalled)
	}
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = environment()
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("%w: ask %s for its version: %w", ErrNotInstalled, path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
