package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exported are the names of what a program exports for Prometheus.
func exported(t *testing.T, url string) map[string]bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	names := map[string]bool{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if name := strings.FieldsFunc(lines.Text(), func(r rune) bool { return r == '{' || r == ' ' })[0]; name != "#" {
			names[name] = true
		}
	}
	return names
}

func checkMetrics(t *testing.T, worker, starter string) {
	t.Helper()
	for url, want := range map[string][]string{
		worker:  {"callweave_data_age_seconds", "callweave_weave_duration_seconds_bucket", "temporal_activity_schedule_to_start_latency_seconds_bucket"},
		starter: {"http_server_request_duration_seconds_bucket"},
	} {
		names := exported(t, url)
		for _, name := range want {
			if !names[name] {
				t.Errorf("%s does not export %s", url, name)
			}
		}
	}
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
