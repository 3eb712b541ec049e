package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"

	"callweave/internal/testenv"
	"callweave/workflows"
)

// checkMetrics wants everything that dashboards and alerts name to be exported by the
// programs, once what they are about has happened.
func checkMetrics(t *testing.T, m *machine, worker, starter string) {
	t.Helper()
	named := map[string][]string{}
	for place, text := range expressions(t) {
		for _, name := range metricNames(text) {
			named[name] = append(named[name], place)
		}
	}
	if len(named) < 30 {
		t.Fatalf("only %d metrics are named: were expressions read?", len(named))
	}
	delete(named, "up")     // of Prometheus itself
	delete(named, "ALERTS") // as well
	goWrong(t, m)
	testenv.Eventually(t, func() string {
		names, _ := scrape(t, worker, starter)
		var missing []string
		for name, places := range named {
			if !names[name] {
				missing = append(missing, name+" (in "+places[0]+")")
			}
		}
		slices.Sort(missing)
		return strings.Join(missing, ", ")
	})

	// Whoever asks may not make series: neither by a path nor by the name of a host.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.api+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "made-up.example"
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if _, text := scrape(t, starter); !strings.Contains(text, "/healthz") || strings.Contains(text, "made-up") {
		t.Error("a request's Host makes a series, or its route makes none")
	}
}

// goWrong lets happen what some metrics are about: a gap, a budget that does not last, a
// workflow that fails, and one that no worker knows.
func goWrong(t *testing.T, m *machine) {
	t.Helper()
	account := m.clouds.world.Accounts[0].ID
	for _, sql := range []string{
		"insert into windows (provider, account_id, from_at, to_at, origin, state, cause, attempts) values ('zoom', $1, '2026-01-01', '2026-01-02', 'backfill', 'failed', 'refused', 100)",
		"update links set max_daily_api_requests = 1 where account_id = $1",
	} {
		if _, err := m.db.Exec(t.Context(), sql, account); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, name := range []string{workflows.HarvestWorkflow, "NobodyKnows"} {
		_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "wrong/" + name, TaskQueue: workflows.TaskQueue}, name, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := c.TerminateWorkflow(context.WithoutCancel(t.Context()), "wrong/NobodyKnows", "", "it was to go wrong"); err != nil {
			t.Error(err)
		}
	})
}

// expressions are those of all dashboards and alert rules, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	boards, err := filepath.Glob("../grafana/dashboards/*.json")
	if err != nil || len(boards) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, path := range boards {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var board any
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		collectExpressions(board, func(expr string) { all[filepath.Base(path)+": "+expr] = expr })
	}
	rules, err := os.ReadFile("../grafana/rules/callweave.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile(`(?s)(?:alert|record): ([\w:]+)\n\s*expr: (?:\|\n)?(.*?)\n\s*(?:for:|labels:|\n)`).FindAllStringSubmatch(string(rules), -1) {
		all["alert "+block[1]] = block[2]
	}
	return all
}

func collectExpressions(value any, found func(string)) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if expr, ok := inner.(string); ok && key == "expr" {
				found(expr)
			}
			collectExpressions(inner, found)
		}
	case []any:
		for _, inner := range v {
			collectExpressions(inner, found)
		}
	}
}

// metricNames are the names in a PromQL expression that are no functions, labels or keywords.
func metricNames(expr string) []string {
	for _, aside := range []string{`"[^"]*"`, `'[^']*'`, `\{[^}]*\}`, `\[[^]]*\]`, `\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`} {
		expr = regexp.MustCompile(aside).ReplaceAllString(expr, " ")
	}
	var names []string
	for _, at := range regexp.MustCompile(`\b[a-zA-Z_:][a-zA-Z0-9_:]*`).FindAllStringIndex(expr, -1) {
		name := expr[at[0]:at[1]]
		called := strings.HasPrefix(strings.TrimLeft(expr[at[1]:], " \n"), "(")
		if !called || slices.Contains([]string{"or", "and", "unless"}, name) {
			if !slices.Contains([]string{"or", "and", "unless", "offset", "bool"}, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// scrape returns the names of what programs export for Prometheus, and all of it.
func scrape(t *testing.T, urls ...string) (names map[string]bool, text string) {
	t.Helper()
	names = map[string]bool{}
	var all strings.Builder
	for _, url := range urls {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if name := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == '{' || r == ' ' })[0]; name != "#" {
				names[name] = true
			}
		}
		_ = response.Body.Close()
	}
	return names, all.String()
}

// listening is the address that a program says it listens on.
func listening(t *testing.T, m *machine, program string) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(m.dirs.logs, program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		var said struct {
			ListenAddr string `json:"listen_addr"`
		}
		if json.Unmarshal(line, &said) == nil && said.ListenAddr != "" {
			return said.ListenAddr
		}
	}
	t.Fatalf("the %s does not say where it listens", program)
	return ""
}
