package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"index/suffixarray"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"callweave/internal/world/zoomwindow"
)

// TestNothingLeaks looks for every token, code and secret that the world ever issued and
// every name, e-mail and hostname in it, wherever somebody could read it who should not.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	// Traces go where the logs go.
	m := startTest(t, t.TempDir(), "OTEL_TRACES_EXPORTER=console", "OTEL_BSP_SCHEDULE_DELAY=100")
	stopAtEnd(t, m)
	linked(t, m, m.clouds.world.Orgs[0])
	linked(t, m, m.clouds.world.Orgs[1])
	replies := provokeErrors(t, m)
	r := &report{account: m.clouds.world.Accounts[0]}
	if _, err := m.unlink(limit(t), r, m.clouds.world.Orgs[0]); err != nil {
		t.Fatal(err)
	}

	for place, text := range readable(t, m, replies) {
		if len(text) == 0 {
			t.Errorf("%s: nothing was read, so nothing was looked at", place)
		}
		for _, leak := range search(text, secrets(m)) {
			t.Errorf("%s: %s", place, leak)
		}
	}

	// The search itself is no use unless it finds what is there.
	plant(t, m)
	for place, text := range readable(t, m, append(replies, m.clouds.world.Orgs[0].People[0].Email)) {
		if len(search(text, secrets(m))) == 0 {
			t.Errorf("%s: a planted secret was not found", place)
		}
	}
}

// secrets are what must be nowhere, by what it is.
func secrets(m *machine) map[string][]string {
	all := map[string][]string{
		"token, code or secret of Zoom": m.clouds.zoom.Issued(),
		"token of Mist":                 m.clouds.mist.Issued(),
		"name or e-mail":                m.clouds.zoom.PersonalData(),
		"master keyset":                 {m.kept.Keyset},
	}
	for _, tokens := range []map[string]string{m.kept.AdminTokens, m.kept.HelpdeskToks, m.kept.ObserverToks} {
		for _, token := range tokens {
			all["API token"] = append(all["API token"], token)
		}
	}
	for _, org := range m.clouds.world.Orgs {
		for _, person := range org.People {
			for _, device := range person.Clients {
				all["hostname"] = append(all["hostname"], device.Hostname)
			}
		}
	}
	return all
}

// search returns what kind of secret is in the text, as itself, escaped for a URL or in
// hexadecimal digits, and where; not the secret.
func search(text []byte, secrets map[string][]string) []string {
	index := suffixarray.New(text)
	var leaks []string
	for kind, values := range secrets {
		for _, value := range values {
			if len(value) < 6 {
				continue // too short to be told from chance
			}
			for _, form := range []string{value, url.QueryEscape(value), hex.EncodeToString([]byte(value))} {
				if at := index.Lookup([]byte(form), 1); len(at) > 0 {
					from, to := max(0, at[0]-120), at[0]
					leaks = append(leaks, fmt.Sprintf("a %s after %q", kind, text[from:to]))
					break
				}
			}
		}
	}
	slices.Sort(leaks)
	return leaks[:min(len(leaks), 5)]
}

// readable is everything that somebody could read, by place.
func readable(t *testing.T, m *machine, replies []string) map[string][]byte {
	t.Helper()
	places := map[string][]byte{
		"workflow histories, as stored": histories(t, m),
		"database dump":                 dump(t, m),
		"error replies":                 []byte(strings.Join(replies, "\n")),
	}
	for _, program := range []string{"worker", "starter", "temporal"} {
		text, err := os.ReadFile(filepath.Join(m.dirs.logs, program+".log"))
		if err != nil {
			t.Fatal(err)
		}
		places["logs and traces of the "+program] = text
	}
	return places
}

// histories are all workflow executions with their histories, as the server holds them:
// no codec in between.
func histories(t *testing.T, m *machine) []byte {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all bytes.Buffer
	keep := func(message proto.Message) {
		wrapped, err := anypb.New(message)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(wrapped.GetValue())
	}
	list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, execution := range list.GetExecutions() {
		keep(execution)
		id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
		described, err := c.DescribeWorkflowExecution(t.Context(), id, run)
		if err != nil {
			t.Fatal(err)
		}
		keep(described)
		events := c.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			keep(event)
		}
	}
	return all.Bytes()
}

var byteaInDump = regexp.MustCompile(`\\\\x[0-9a-f]{2,}`)

// dump is the whole database in text, and once more what its binary columns hold.
func dump(t *testing.T, m *machine, flags ...string) []byte {
	t.Helper()
	program, err := exec.LookPath("pg_dump") // Debian's wrapper picks the newest
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
		if len(found) == 0 {
			t.Fatalf("pg_dump comes with every PostgreSQL server: %v", err)
		}
		program = found[len(found)-1]
	}
	command := exec.CommandContext(t.Context(), program, append(flags, "--dbname", m.postgres.URL(database))...)
	var problems bytes.Buffer
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, &problems)
	}
	return append(text, unhexed(text)...)
}

// unhexed is what the binary columns hold that a text shows in digits.
func unhexed(text []byte) []byte {
	var all []byte
	for _, digits := range byteaInDump.FindAll(text, -1) {
		raw, err := hex.DecodeString(string(digits[3:]))
		if err == nil {
			all = append(append(all, '\n'), raw...)
		}
	}
	return all
}

// provokeErrors makes the programs say no in as many ways as somebody outside can, with
// secrets at hand to be repeated, and returns what they said.
func provokeErrors(t *testing.T, m *machine) []string {
	t.Helper()
	org, other := m.clouds.world.Orgs[0], m.clouds.world.Orgs[1]
	email := url.QueryEscape(m.clouds.world.Accounts[0].Admins[0].Email)
	issued := m.clouds.zoom.Issued()
	secret := url.QueryEscape(issued[len(issued)-1])
	mine, theirs := m.kept.AdminTokens[org.ID.String()], m.kept.AdminTokens[other.ID.String()]
	callback := "/api/v1/oauth2/app/zoom/callback"
	replayed := replayedCallback(t, m)

	var replies []string
	for _, ask := range []struct{ method, path, token, body string }{
		{http.MethodGet, callback + "?code=" + secret + "&state=" + secret, "", ""},
		{http.MethodGet, callback + "?code=" + secret, "", ""},
		{http.MethodGet, replayed, "", ""},
		{http.MethodGet, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts?forward=https://elsewhere.example/%3Fuser=" + email, mine, ""},
		{http.MethodGet, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts", theirs, ""},
		{http.MethodGet, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts", mine[:len(mine)-1], ""},
		{http.MethodPut, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts/x", mine, `{"account_id":"y"`},
		{http.MethodPut, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts/" + m.clouds.world.Accounts[0].ID, mine, `{"account_id":"y"}`},
		{http.MethodDelete, "/api/v1/orgs/" + org.ID.String() + "/setting/zoom/link_accounts/nobody", mine, ""},
		{http.MethodGet, "/api/v1/sites/" + org.Sites[0].ID.String() + "/stats/calls/search?start=" + secret, mine, ""},
		{http.MethodGet, "/api/v1/sites/" + org.Sites[0].ID.String() + "/stats/calls/search", theirs, ""},
		{http.MethodGet, "/nowhere/" + secret, "", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), ask.method, m.api+ask.path, strings.NewReader(ask.body))
		if err != nil {
			t.Fatal(err)
		}
		if ask.token != "" {
			request.Header.Set("Authorization", "Token "+ask.token)
		}
		response, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		// Callbacks may end in a page: without state it says how to link, and one that comes
		// twice within seconds is a double click.
		if response.StatusCode == http.StatusOK && !strings.Contains(ask.path, "/callback") {
			t.Errorf("%s %s was not refused", ask.method, strings.SplitN(ask.path, "?", 2)[0])
		}
		replies = append(replies, fmt.Sprintf("%v %s", response.Header, body))
	}
	return replies
}

// replayedCallback is the redirect of an authorization that was already used.
func replayedCallback(t *testing.T, m *machine) string {
	t.Helper()
	offered, err := m.linkAccounts(t.Context(), m.clouds.world.Orgs[0], m.api+"/console/")
	if err != nil {
		t.Fatal(err)
	}
	var callback string
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool {
		if strings.Contains(u.Path, "/callback") {
			callback = u.RequestURI()
			return true
		}
		return false
	}
	if _, err := browser.Approve(t.Context(), offered.AuthorizationURL, m.clouds.world.Accounts[0].Admins[0].Email); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.api+callback, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return callback
}

// plant puts a secret into each of the places.
func plant(t *testing.T, m *machine) {
	t.Helper()
	person := m.clouds.world.Orgs[0].People[0]
	issued := m.clouds.zoom.Issued()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.ExecuteWorkflow(context.WithoutCancel(t.Context()), client.StartWorkflowOptions{ID: "planted", TaskQueue: "nobody-listens"}, "Planted", person.DisplayName())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.db.Exec(t.Context(), "update links set linked_by_sealed = $1", []byte(person.Email)); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"worker", "starter", "temporal"} {
		file, err := os.OpenFile(filepath.Join(m.dirs.logs, program+".log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(file, "token %s\n", issued[0]); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
