package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/access"
)

func TestCallSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := "/api/v1/orgs/" + b.org.id.String() + "/setting/calls"
	b.exec(t, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes) values ($1, 'zoom', $2, 'm', 1, 0, 0)`, b.org.id, accountID)
	shown := func(latency, jitter, loss, due string) map[string]any {
		return map[string]any{"latency_ms": json.Number(latency), "jitter_ms": json.Number(jitter), "loss_ratio": json.Number(loss), "meetings_due": json.Number(due)}
	}
	for _, step := range []struct {
		method, body string
		want         map[string]any
	}{
		{"GET", "", shown("150", "40", "0.02", "0")},
		{"PUT", `{"latency_ms":150}`, shown("150", "40", "0.02", "0")}, // as it is
		{"PUT", `{"latency_ms":120.5}`, shown("120.5", "40", "0.02", "1")},
		{"PUT", `{"jitter_ms":30,"loss_ratio":0.01}`, shown("120.5", "30", "0.01", "1")},
		{"GET", "", shown("120.5", "30", "0.01", "1")},
	} {
		answer := b.do(t, step.method, path, step.body, b.org, access.Admin)
		if diff := cmp.Diff(step.want, decode(t, answer)); diff != "" || answer.Code != 200 {
			t.Errorf("%s %s: %d (-want +got): %s", step.method, step.body, answer.Code, diff)
		}
	}
	for body, field := range map[string]string{
		`{"latency_ms":0}`: "latency_ms", `{"latency_ms":1e-60}`: "latency_ms", `{"jitter_ms":-1}`: "jitter_ms", `{"jitter_ms":60001}`: "jitter_ms",
		`{"loss_ratio":2}`: "loss_ratio", `{"loss_ratio":"2%"}`: "loss_ratio", `{}`: "body", `{"loss":0.1}`: "body",
	} {
		answer := b.do(t, "PUT", path, body, b.org, access.Admin)
		if detail, _ := decode(t, answer)["detail"].(string); answer.Code != 400 || !strings.HasPrefix(detail, field+": want") {
			t.Errorf("%s: %d %q", body, answer.Code, detail)
		}
	}
	audit := b.do(t, "GET", "/api/v1/orgs/"+b.org.id.String()+"/audit", "", b.org, access.Admin).Body.String()
	if got := strings.Count(audit, `"thresholds set"`); got != 2 {
		t.Errorf("%d changes in the audit log, want 2: %s", got, audit)
	}
}
