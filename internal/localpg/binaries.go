package localpg

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// binaries are the server programs of one installation.
type binaries struct {
	initdb, postgres string
	major            int
}

// installGlobs are where distributions put the server programs: Debian, PGDG on Red Hat, Alpine, SUSE, Homebrew.
var installGlobs = []string{ //nolint:gochecknoglobals // a constant list
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/libexec/postgresql*",
	"/usr/lib/postgresql*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// selectBinaries takes the installation that fits the data directory, or the first one for a new cluster.
func (h *home) selectBinaries(ctx context.Context, binDir string) (binaries, error) {
	found := findBinaries(ctx, binDir)
	if err := ctx.Err(); err != nil {
		return binaries{}, fmt.Errorf("look for the server programs: %w", err)
	}
	if len(found) == 0 {
		return binaries{}, notInstalled()
	}
	have, err := h.dataMajor()
	if err != nil {
		return binaries{}, err
	}
	if have == 0 {
		for _, b := range found {
			if b.major >= MinMajor {
				return b, nil
			}
		}
		return binaries{}, fmt.Errorf("%w: found version %d, need %d or newer", ErrVersion, found[0].major, MinMajor)
	}
	for _, b := range found {
		if b.major == have {
			return b, nil
		}
	}
	return binaries{}, fmt.Errorf(
		"%w: the data in %s was written by version %d, installed is version %d: install version %d, or remove that directory to begin anew",
		ErrVersion, h.dir, have, found[0].major, have)
}

// findBinaries lists usable installations: PATH first, then by directory with the newest first.
func findBinaries(ctx context.Context, binDir string) []binaries {
	if binDir != "" {
		b, ok := probe(ctx, binDir)
		if !ok {
			return nil
		}
		return []binaries{b}
	}
	var found []binaries
	if path, err := exec.LookPath("postgres"); err == nil {
		if b, ok := probe(ctx, filepath.Dir(path)); ok {
			found = append(found, b)
		}
	}
	var others []binaries
	for _, dir := range installDirs(ctx) {
		if b, ok := probe(ctx, dir); ok {
			others = append(others, b)
		}
	}
	slices.SortStableFunc(others, func(a, b binaries) int { return b.major - a.major })
	return append(found, others...)
}

func installDirs(ctx context.Context) []string {
	var dirs []string
	for _, glob := range installGlobs {
		// The only error is a malformed pattern.
		matches, _ := filepath.Glob(glob)
		dirs = append(dirs, matches...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// probe reports whether dir holds a server that runs. Symbolic links are followed, because postgres finds its
// libraries relative to its real place.
func probe(ctx context.Context, dir string) (binaries, bool) {
	var b binaries
	for name, to := range map[string]*string{"postgres": &b.postgres, "initdb": &b.initdb} {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			return binaries{}, false
		}
		*to = path
	}
	out, err := exec.CommandContext(ctx, b.postgres, "--version").Output()
	if err != nil {
		return binaries{}, false
	}
	m := versionText.FindSubmatch(out)
	if m == nil {
		return binaries{}, false
	}
	b.major, err = strconv.Atoi(string(m[1]))
	return b, err == nil
}
