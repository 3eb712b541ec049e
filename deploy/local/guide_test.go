package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/world"
)

const guidePath = "../../docs/operate.md"

// guide runs the commands of docs/operate.md, in their order, on a running machine.
type guide struct {
	*machine
	dir     string // where the commands run
	env     []string
	org     *world.Org // that they are about, unless they unlink
	account *world.Account
	spare   []*world.Org // linked, to be unlinked
	words   *strings.Replacer
	tctl    string // the program; "" where it is not built
}

// TestTheGuideWorks runs every command of docs/operate.md, as it stands there, with ids and
// dates in the place of those that are made up. None may fail.
func TestTheGuideWorks(t *testing.T) {
	t.Parallel()
	codec := strings.Repeat("codec-token-", 4)
	m := startTest(t, t.TempDir(), "FORWARD_HOSTS=portal.example.com", "CODEC_TOKEN="+codec)
	stopAtEnd(t, m)
	g := newGuide(t, m, codec)
	blocks := commandBlocks(t)
	if len(blocks) < 12 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	ran := 0
	for _, command := range blocks {
		g.run(t, command)
		ran++
	}
	t.Logf("%d commands", ran)
}

// commandBlocks are the commands in the guide's blocks of shell. A block of another kind may
// not hide one of ours.
func commandBlocks(t *testing.T) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(guidePath)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		joined := strings.ReplaceAll(block[2], "\\\n", "")
		if block[1] != "sh" {
			if hidden := regexp.MustCompile(`(?m)^(starter|worker|temporal|tctl|psql|pg_dump) .*$`).FindString(joined); hidden != "" {
				t.Errorf("a command that nobody runs: %s", hidden)
			}
			continue
		}
		for line := range strings.Lines(joined) {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands
}

func newGuide(t *testing.T, m *machine, codec string) *guide {
	t.Helper()
	g := &guide{machine: m, dir: t.TempDir(), org: m.clouds.world.Orgs[0], account: m.clouds.world.Accounts[0]}
	linked(t, m, g.org)
	g.spare = append(g.spare, m.clouds.world.Orgs[1:]...)
	programs := t.TempDir()
	for name, path := range map[string]string{
		"starter": filepath.Join(m.dirs.bin, "starter"), "temporal": m.opts.temporal, "worker": filepath.Join(m.dirs.bin, "worker"),
	} {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(g.dir, "token"), []byte(m.kept.MistTokens[g.org.ID.String()]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.postgres.CreateDatabase(t.Context(), "restored", ""); err != nil {
		t.Fatal(err)
	}
	g.tctl = findTctl()
	g.env = append(slices.Clone(m.env), "PATH="+programs+":"+postgresPrograms()+os.Getenv("PATH"), "TOKEN="+m.kept.AdminTokens[g.org.ID.String()],
		"CODEC_TOKEN="+codec, "EMPTY_DATABASE_URL="+m.postgres.URL("restored"), "LISTEN_ADDR="+fmt.Sprintf("%s:%d", loopback, m.apiPort),
		"TEMPORAL_CONFIG_FILE="+filepath.Join(g.dir, "temporal.toml"), "TEMPORAL_CLI_ADDRESS="+m.temporal.Address(), "TEMPORAL_CLI_NAMESPACE="+m.temporal.Namespace())
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }
	g.words = strings.NewReplacer("2026-11-01", day(3), "2026-11-02", day(2), "2026-11-08", day(1), "ACC", g.account.ID, "https://api.mist.com", m.clouds.mistURL)
	return g
}

// postgresPrograms is where a distribution keeps pg_dump and psql, for PATH.
func postgresPrograms() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1] + ":"
}

// findTctl is the old command line, where somebody built it with `make tctl`.
func findTctl() string {
	if path, err := exec.LookPath("tctl"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../.local/bin/tctl")
	if err != nil {
		return ""
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func (g *guide) run(t *testing.T, command string) {
	t.Helper()
	g.prepare(t, command)
	org := g.org
	if unlinks(command) {
		org = g.nextSpare(t)
	}
	line := strings.NewReplacer("ORG", org.ID.String(), "RECEIPT", g.one(t, "select receipt_id::text from receipts order by fenced_at desc limit 1"),
		"TOKEN_ID", g.one(t, "select token_id::text from api_tokens where org_id = $1 and revoked_at is null order by created_at desc limit 1", g.org.ID),
		"OLD", g.oldKey(t, command)).Replace(g.words.Replace(command))
	if strings.HasPrefix(line, "tctl ") && g.tctl == "" {
		g.asTctl(t, line)
	} else if strings.Contains(line, "workflow query") {
		// Nobody types fast enough to ask before the workflow's first step.
		testenv.Eventually(t, func() string {
			if out, err := g.shell(t, line); err != nil {
				return out
			}
			return ""
		})
	} else if out, err := g.shell(t, strings.Replace(line, "tctl ", g.tctl+" ", 1)); err != nil && !refusedRightly(command, out) {
		t.Fatalf("%s\n%v\n%s", command, err, out)
	}
	g.prove(t, command, org)
}

// one reads a text; "" where there is none.
func (g *guide) one(t *testing.T, sql string, args ...any) (text string) {
	t.Helper()
	rows, err := g.db.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

func (g *guide) shell(t *testing.T, line string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-c", line)
	command.Dir, command.Env = g.dir, g.env
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	t.Logf("$ %s\n%s", line, &out) // to be read with -v, as an operator would
	if sealed := base64.RawStdEncoding.EncodeToString([]byte(temporalclient.Encoding)); strings.Contains(out.String(), sealed[:20]) {
		t.Errorf("%s: nobody can read what it answers: %s", line, &out)
	}
	return out.String(), err
}

// refusedRightly is for the one command that must wait for days: nobody gives up a key that
// histories are sealed with.
func refusedRightly(command, out string) bool {
	return strings.Contains(command, "keys drop") && strings.Contains(out, "--force-histories")
}

func unlinks(command string) bool {
	return strings.Contains(command, "link unlink") || strings.Contains(command, "--name unlink") || strings.Contains(command, "--type Deboard")
}

// nextSpare is a linked org to be unlinked. One that was before is linked anew.
func (g *guide) nextSpare(t *testing.T) *world.Org {
	t.Helper()
	org := g.spare[0]
	g.spare = append(g.spare[1:], org)
	shown, err := g.linkAccounts(t.Context(), org, g.api+"/console/linked")
	if err != nil {
		t.Fatal(err)
	}
	if len(shown.Accounts) == 0 {
		if _, err := g.machine.link(limit(t), org, g.account.Admins[0]); err != nil {
			t.Fatal(err)
		}
	}
	return org
}

// prepare brings about what a command is for.
func (g *guide) prepare(t *testing.T, command string) {
	t.Helper()
	budget := func(requests any) {
		t.Helper()
		if _, err := g.db.Exec(t.Context(), "update links set max_daily_api_requests = $1", requests); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case strings.Contains(command, "--wait") && strings.Contains(command, "backfill"), strings.Contains(command, "--type Harvest"):
		budget(nil)
	case strings.HasPrefix(command, "starter backfill --account"), strings.Contains(command, "--type Backfill"):
		budget(1) // a backfill that waits for midnight can be paused however fast the machine is
	case strings.Contains(command, "keys promote"):
		g.restart(t, "keyset-2")
	case strings.Contains(command, "keys reseal"):
		g.restart(t, "keyset-3")
	}
}

// restart gives worker and starter another keyset.
func (g *guide) restart(t *testing.T, keyset string) {
	t.Helper()
	changed := "KEYSET_FILE=" + filepath.Join(g.dir, keyset)
	g.machine.env, g.env = append(g.machine.env, changed), append(g.env, changed)
	for name, args := range map[string][]string{"worker": nil, "starter": {"serve"}} {
		addr := listening(t, g.machine, name)
		i := slices.IndexFunc(g.parts, func(p part) bool { return p.name == "the "+name })
		if err := g.parts[i].stop(limit(t)); err != nil {
			t.Fatal(err)
		}
		g.parts = slices.Delete(g.parts, i, i+1)
		if err := g.startProgram(limit(t), name, addr, args...); err != nil {
			t.Fatal(err)
		}
	}
}

// oldKey is the key that the first keyset had.
func (g *guide) oldKey(t *testing.T, command string) string {
	t.Helper()
	if !strings.Contains(command, "OLD") {
		return ""
	}
	out, err := g.shell(t, "starter keys status -o json")
	var status struct {
		Keys []struct {
			ID      uint32 `json:"key_id"`
			Primary bool   `json:"primary"`
		} `json:"keys"`
	}
	if err != nil || json.Unmarshal([]byte(out), &status) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, key := range status.Keys {
		if !key.Primary {
			return strconv.FormatUint(uint64(key.ID), 10)
		}
	}
	t.Fatalf("no key was replaced: %s", out)
	return ""
}
