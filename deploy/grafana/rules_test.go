// Package grafana_test holds the dashboards and alert rules to what Prometheus accepts and
// to what docs/operate.md says of them. That the metrics exist is tested in deploy/local.
package grafana_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promtool is Prometheus' own checker: of the system, or where `make services` puts it.
func promtool(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("promtool"); err == nil {
		return path
	}
	path, err := filepath.Abs("../../.local/bin/promtool")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("promtool is not installed: `make services` gets it where there is apt-get")
	}
	return path
}

func TestPrometheusAcceptsTheRules(t *testing.T) {
	t.Parallel()
	tool := promtool(t)
	for _, args := range [][]string{{"check", "rules", "--lint=all", "--lint-fatal", "rules/callweave.yaml"}, {"test", "rules", "rules/callweave.test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Each alert is tested to fire, says what is the matter, and is explained to whoever is woken
// by it.
func TestAlertsAreTestedAndExplained(t *testing.T) {
	t.Parallel()
	rules, tests, docs := read(t, "rules/callweave.yaml"), read(t, "rules/callweave.test.yaml"), read(t, "../../docs/operate.md")
	alerts := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 10 {
		t.Fatalf("%d alerts", len(alerts))
	}
	for _, alert := range alerts {
		fires := regexp.MustCompile(`alertname: ` + alert[1] + `\n\s+eval_time: \w+\n\s+exp_alerts:\n\s+- exp_labels`)
		if !fires.MatchString(tests) {
			t.Errorf("no test lets %s fire", alert[1])
		}
		if !strings.Contains(docs, "| `"+alert[1]+"` |") {
			t.Errorf("docs/operate.md does not say what to do about %s", alert[1])
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
