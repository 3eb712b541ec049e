package main

import (
	"os/exec"
	"strings"
	"testing"
)

// A shell that reads what the demonstration wrote has the programs, the ids and the token that
// the documents speak of.
func TestTheShellOfTheDemonstration(t *testing.T) {
	t.Parallel()
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	file, err := m.writeShell()
	if err != nil {
		t.Fatal(err)
	}
	const script = `. "$1" && starter org list && curl -sf -H "Authorization: Token $TOKEN" "$PUBLIC_URL/api/v1/orgs/$ORG_ID/stats/calls/summary" && echo "site $SITE_ID"`
	shell := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", file)
	shell.Env = []string{"PATH=/usr/bin:/bin"}
	shell.Dir = t.TempDir()
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	org := m.clouds.world.Orgs[0]
	for _, want := range []string{org.ID.String(), `"total_minutes":0`, "site " + org.Sites[0].ID.String()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if word := quoted(`it's "$5"`); word != `'it'\''s "$5"'` {
		t.Errorf("quoted: %s", word)
	}
}
