package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// writeShell keeps what a shell needs to follow the documents on the demonstration: where its
// programs are, what they are configured with, and the ids and token of the first org. It
// returns the file's name.
func (m *machine) writeShell() (string, error) {
	org := m.clouds.world.Orgs[0]
	bin, err := filepath.Abs(m.dirs.bin)
	if err != nil {
		return "", fmt.Errorf("write the shell's variables: %w", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "export PATH=%s:\"$PATH\"\n", quoted(bin))
	for _, setting := range append(m.settings,
		"ORG_ID="+org.ID.String(), "SITE_ID="+org.Sites[0].ID.String(), "TOKEN="+m.kept.AdminTokens[org.ID.String()],
	) {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(&text, "export %s=%s\n", name, quoted(value))
	}
	file := filepath.Join(m.dirs.root, "env")
	return file, writePrivate(file, []byte(text.String()))
}

// quoted is a word of a shell (POSIX.1-2024, XCU 2.2.2).
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
