// Package browser finds Chromium for tests, or installs it.
package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// ErrNotInstalled says that there is no Chromium.
var ErrNotInstalled = errors.New("no Chromium found")

// Find returns the program.
func Find() (string, error) {
	names := []string{
		"chromium", "chromium-browser", "google-chrome-stable", "google-chrome",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	}
	if named := os.Getenv("CHROMIUM"); named != "" {
		names = []string{named}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: install it with 'make services', or name one in CHROMIUM", ErrNotInstalled)
}

// installing is how the distribution installs it, command by command.
func installing() [][]string {
	for _, way := range [][][]string{
		{{"apt-get", "update"}, {"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", "chromium"}},
		{{"dnf", "install", "-y", "chromium"}},
		{{"apk", "add", "chromium"}},
		{{"brew", "install", "--cask", "chromium"}},
	} {
		if _, err := exec.LookPath(way[0][0]); err != nil {
			continue
		}
		for i, command := range way {
			if command[0] != "brew" && os.Geteuid() != 0 {
				way[i] = append([]string{"sudo"}, command...)
			}
		}
		return way
	}
	return nil
}

// Ensure installs Chromium with the distribution's package manager unless there is one, as
// root or through sudo, and writes to log what it runs and what that prints.
func Ensure(ctx context.Context, log io.Writer) error {
	if _, err := Find(); err == nil {
		return nil
	}
	commands := installing()
	if len(commands) == 0 {
		return fmt.Errorf("%w, and no known package manager: install Chromium or name it in CHROMIUM", ErrNotInstalled)
	}
	for _, command := range commands {
		fmt.Fprintf(log, "installing Chromium for the browser tests: %s\n", strings.Join(command, " "))
		install := exec.CommandContext(ctx, command[0], command[1:]...)
		install.Stdin, install.Stdout, install.Stderr = os.Stdin, log, log
		if err := install.Run(); err != nil {
			return fmt.Errorf("install chromium with '%s': %w", strings.Join(command, " "), err)
		}
	}
	return nil
}
