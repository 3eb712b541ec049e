package localpg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/localpg"
)

// fakePrograms makes programs that only note how they were called, and the only ones in PATH.
func fakePrograms(t *testing.T, names ...string) (calls func() []string) {
	t.Helper()
	bin := t.TempDir()
	log := filepath.Join(bin, "calls")
	for _, name := range names {
		script := "#!/bin/sh\necho " + name + " \"$@\" >>" + log + "\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	return func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

//nolint:paralleltest // PATH belongs to the process
func TestInstall(t *testing.T) {
	sudo := ""
	if os.Geteuid() != 0 {
		sudo = "sudo "
	}
	for manager, want := range map[string][]string{
		"apt-get": {
			sudo + "apt-get update",
			sudo + "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql",
		},
		"dnf":  {sudo + "dnf install -y postgresql-server postgresql-contrib"},
		"apk":  {sudo + "apk add postgresql postgresql-contrib"},
		"brew": {"brew install postgresql@17"},
	} {
		t.Run(manager, func(t *testing.T) {
			calls := fakePrograms(t, manager, "sudo", "env")
			var log strings.Builder
			if err := localpg.Install(t.Context(), &log); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, calls()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			for _, command := range want {
				if !strings.Contains(log.String(), command) {
					t.Errorf("the log does not say %q: %s", command, log.String())
				}
			}

			// The error that asks for it names the same commands.
			_, err := localpg.Start(t.Context(), localpg.Config{Dir: tempDir(t), BinDir: t.TempDir()})
			if !errors.Is(err, localpg.ErrNotInstalled) || !strings.Contains(err.Error(), strings.Join(want, " && ")) {
				t.Errorf("error = %v, want ErrNotInstalled with %q", err, want)
			}
		})
	}
}

func TestInstallWithoutPackageManager(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := localpg.Install(t.Context(), &strings.Builder{}); !errors.Is(err, localpg.ErrNotInstalled) {
		t.Errorf("error = %v, want ErrNotInstalled", err)
	}
}
