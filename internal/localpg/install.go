package localpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// packageManager is a way to install the server: the program that must exist and the commands to run.
type packageManager struct {
	program  string
	commands [][]string
	root     bool // the commands need root
}

func packageManagers() []packageManager {
	return []packageManager{
		{"apt-get", [][]string{
			{"apt-get", "update"},
			{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", "postgresql"},
		}, true},
		{"dnf", [][]string{{"dnf", "install", "-y", "postgresql-server", "postgresql-contrib"}}, true},
		{"apk", [][]string{{"apk", "add", "postgresql", "postgresql-contrib"}}, true},
		{"brew", [][]string{{"brew", "install", "postgresql@17"}}, false},
	}
}

func findPackageManager() (packageManager, bool) {
	for _, m := range packageManagers() {
		if _, err := exec.LookPath(m.program); err == nil {
			return m, true
		}
	}
	return packageManager{}, false
}

// lines are the commands as a person would type them, with sudo where it is needed and there is one.
func (m packageManager) lines() [][]string {
	var lines [][]string
	for _, c := range m.commands {
		if m.root && os.Geteuid() != 0 {
			c = append([]string{"sudo"}, c...)
		}
		lines = append(lines, c)
	}
	return lines
}

func (m packageManager) String() string {
	var texts []string
	for _, line := range m.lines() {
		texts = append(texts, strings.Join(line, " "))
	}
	return strings.Join(texts, " && ")
}

func notInstalled() error {
	m, ok := findPackageManager()
	if !ok {
		return fmt.Errorf("%w: install PostgreSQL %d or newer so that 'postgres' and 'initdb' are found in PATH", ErrNotInstalled, MinMajor)
	}
	return fmt.Errorf("%w: install it with '%s'", ErrNotInstalled, m)
}

// Install installs the distribution's PostgreSQL server with its package manager, as root or through sudo, and
// writes to log what it runs and what that prints. sudo may ask for a password on the terminal.
// A package may start a cluster of its own, on the default port; that one is not used.
func Install(ctx context.Context, log io.Writer) error {
	m, ok := findPackageManager()
	if !ok {
		return fmt.Errorf("install postgresql: no known package manager: %w", notInstalled())
	}
	for _, line := range m.lines() {
		fmt.Fprintf(log, "installing PostgreSQL: %s\n", strings.Join(line, " "))
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("install postgresql with '%s': %w", strings.Join(line, " "), err)
		}
	}
	return nil
}

// Ensure installs the server unless one that is new enough is there.
func Ensure(ctx context.Context, log io.Writer) error {
	for _, b := range findBinaries(ctx, "") {
		if b.major >= MinMajor {
			return nil
		}
	}
	return Install(ctx, log)
}
