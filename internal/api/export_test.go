package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/vault"
)

func exportPath(o org, pairs ...string) string {
	return fmt.Sprintf("/api/v1/orgs/%s/stats/calls/export?start=%d&end=%d", o.id, day.Unix(), day.Add(48*time.Hour).Unix()) +
		strings.Replace(query(pairs...), "?", "&", 1)
}

// isCalled seals who had a leg.
func (b *bundle) isCalled(t *testing.T, o org, leg int64, person provider.Person) {
	t.Helper()
	key, err := b.vault.Key(t.Context(), vault.LinkScope(provider.AccountRef{Provider: provider.Zoom, AccountID: accountID}, o.id))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.SealPerson("person_sealed", person)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, "update matches set person_sealed = $1 where org_id = $2 and leg_id = $3", sealed, o.id, leg)
}

func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var got []map[string]any
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, object)
	}
	return got
}

func TestExportNDJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	b.exec(t, "select ensure_partitions('call_minutes', $1, $1)", day.Add(24*time.Hour))
	b.calls(t, b.org, leg{5, 23*time.Hour + 58*time.Minute, "aa0000000005", "", meetingID, "good", "gbgg"}) // over midnight
	b.calls(t, b.other, leg{9, 10 * time.Hour, "aa0000000009", "", meetingID, "good", "bbb"})
	answer := b.do(t, "GET", exportPath(b.org), "", b.org, access.Observer)
	if got := answer.Header().Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("content type %q", got)
	}
	got := lines(t, answer.Body.String())
	if len(got) != 16 {
		t.Fatalf("%d minutes, want 16", len(got))
	}
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range got {
		if err := doc.Components.Schemas["ExportedMinute"].Value.VisitJSON(line); err != nil {
			t.Errorf("openapi.json describes another line: %v", err)
		}
	}
	want := map[string]any{
		"start": "2026-11-02T10:01:00Z", "end": "2026-11-02T10:02:00Z", "app": "zoom", "meeting_id": meetingID, "leg_id": 1.0, "site_id": b.org.site.String(),
		"mac": "aa0000000001", "ap_mac": "5c5b00000001", "bad": true, "bucket": "wireless", "worst_metric": "latency", "worst_direction": "audio_in",
		"audio_in_latency_ms": 187.5, "client_rssi_dbm": -61.0,
	}
	if diff := cmp.Diff(want, got[1]); diff != "" {
		t.Error("(-want +got):", diff)
	}
	for name, test := range map[string]struct {
		pairs []string
		want  int
	}{
		"bad only":    {[]string{"bad", "true"}, 8},
		"of the site": {[]string{"site_id", b.org.site.String()}, 16},
	} {
		if got := lines(t, b.do(t, "GET", exportPath(b.org, test.pairs...), "", b.org, access.Admin).Body.String()); len(got) != test.want {
			t.Errorf("%s: %d minutes, want %d", name, len(got), test.want)
		}
	}
	for field, value := range map[string]string{"format": "xlsx", "bad": "yes", "names": "1", "site_id": "x", "start": "soon"} {
		answer := b.do(t, "GET", exportPath(b.org)+"&"+field+"="+value, "", b.org, access.Admin)
		if field == "start" {
			answer = b.do(t, "GET", strings.Replace(exportPath(b.org), "start=", "start=x", 1), "", b.org, access.Admin)
		}
		if detail, _ := decode(t, answer)["detail"].(string); answer.Code != 400 || !strings.HasPrefix(detail, field+": want") {
			t.Errorf("%s: %d %q", field, answer.Code, detail)
		}
	}
	if got := b.do(t, "GET", exportPath(b.org, "site_id", b.other.site.String()), "", b.org, access.Admin); got.Code != 404 {
		t.Errorf("another org's site: %d", got.Code)
	}
}

// Names go only to whom the table of roles lets see them, and only where they are asked for.
// Every export is in the audit log.
func TestExportOfNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs[0])
	b.isCalled(t, b.org, 1, provider.Person{Name: secret.New("=cmd|' /C calc'!A0"), Email: secret.New("+49@example.org"), Hostname: secret.New("LAPTOP-1")})
	for _, test := range []struct {
		role   access.Role
		names  string
		status int
	}{
		{access.Admin, "true", 200},
		{access.Admin, "false", 200},
		{access.Observer, "true", 403},
		{access.Observer, "false", 200},
		{access.Helpdesk, "false", 403},
	} {
		answer := b.do(t, "GET", exportPath(b.org, "names", test.names), "", b.org, test.role)
		if answer.Code != test.status {
			t.Errorf("%s, names=%s: %d, want %d", test.role, test.names, answer.Code, test.status)
		}
		named := strings.Contains(answer.Body.String(), "LAPTOP-1")
		if want := test.status == 200 && test.names == "true"; named != want {
			t.Errorf("%s, names=%s: named %t", test.role, test.names, named)
		}
	}
	audit := b.do(t, "GET", "/api/v1/orgs/"+b.org.id.String()+"/audit", "", b.org, access.Admin).Body.String()
	if got := strings.Count(audit, `"calls exported"`); got != 3 {
		t.Errorf("%d exports in the audit log, want 3: %s", got, audit)
	}
	if strings.Count(audit, `"names": true`)+strings.Count(audit, `"names":true`) != 1 || strings.Contains(audit, "LAPTOP") {
		t.Errorf("the audit log: %s", audit)
	}

	answer := b.do(t, "GET", exportPath(b.org, "names", "true", "format", "csv"), "", b.org, access.Admin)
	table, err := csv.NewReader(answer.Body).ReadAll()
	if err != nil || len(table) != 4 {
		t.Fatalf("%d lines of CSV: %v", len(table), err)
	}
	cells := map[string]string{}
	for i, name := range table[0] {
		cells[name] = table[2][i]
	}
	for name, want := range map[string]string{
		"name": "'=cmd|' /C calc'!A0", "email": "'+49@example.org", "hostname": "LAPTOP-1", "bad": "true", "client_rssi_dbm": "-61", "audio_in_jitter_ms": "",
		"start": "2026-11-02T10:01:00Z",
	} {
		if cells[name] != want {
			t.Errorf("cell %s is %q, want %q", name, cells[name], want)
		}
	}
}

// An export is longer than any other answer may take, in pages, and each row comes once.
func TestExportStreamsPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const perDay = 4500
	b.exec(t, "select ensure_partitions('call_minutes', $1, $2)", day, day.Add(24*time.Hour))
	for i, at := range []time.Time{day, day.Add(24 * time.Hour)} {
		b.exec(t, `insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
			values ($1, $2, 'zoom', $3, 'm', $4, 'aa0000000001', 'mac', 1, '\x00', $5, $5)`, b.org.id, i+1, accountID, b.org.site, at)
		b.exec(t, `insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac)
			select $1, $2, $3::timestamptz + n * interval '1 s', $3, 'zoom', $4, 'm', $5, 'aa0000000001' from generate_series(0, $6::int - 1) n`,
			b.org.id, i+1, at, accountID, b.org.site, perDay)
	}
	b.isCalled(t, b.org, 1, provider.Person{Name: secret.New("Ann")}) // whoever had the second leg cannot be opened
	server := httptest.NewUnstartedServer(b.handler)
	server.Config.WriteTimeout = time.Nanosecond // over before the first row, unless each page begins it anew
	server.Start()
	defer server.Close()
	read := func(pairs ...string) (int, error) {
		request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+exportPath(b.org, pairs...), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Token "+b.org.tokens[access.Admin])
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		seen := map[string]bool{}
		for line := range strings.Lines(string(text)) {
			seen[line] = true
		}
		return len(seen), err
	}
	if got, err := read(); got != 2*perDay || err != nil {
		t.Errorf("%d different lines, %v; want %d", got, err, 2*perDay)
	}
	if got, err := read("format", "csv"); got != 2*perDay+1 || err != nil {
		t.Errorf("%d different lines of CSV, %v; want %d", got, err, 2*perDay+1)
	}
	if got, err := read("names", "true"); got != perDay || err == nil {
		t.Errorf("of an export that fails after a day came %d lines, %v; want %d and an error", got, err, perDay)
	}
	if strings.Contains(b.log.String(), `"panic"`) || !strings.Contains(b.log.String(), "export was broken off") {
		t.Error("the log does not say that an export was broken off:", strconv.Quote(b.log.String()))
	}
}
