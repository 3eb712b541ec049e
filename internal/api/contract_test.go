package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"callweave/internal/access"
)

// contract loads Mist's description of the operations that we answer. It is not ours to
// keep: tests read it where SPECS_DIR says.
func contract(t *testing.T) func(method, target string, answer *httptest.ResponseRecorder) error {
	t.Helper()
	dir := os.Getenv("SPECS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "specs") // ../shared/specs of the repository
	}
	file := filepath.Join(dir, "mist-links-calls.openapi.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("Mist's OpenAPI document is not here (set SPECS_DIR): %v", err)
	}
	return validator(t, text)
}

// validator holds answers to a document.
func validator(t *testing.T, text []byte) func(method, target string, answer *httptest.ResponseRecorder) error {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil // any host
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return func(method, target string, answer *httptest.ResponseRecorder) error {
		request := httptest.NewRequest(method, target, nil)
		route, params, err := router.FindRoute(request)
		if err != nil {
			return err
		}
		return openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
			Status:                 answer.Code, Header: answer.Header(),
			Body:    io.NopCloser(bytes.NewReader(answer.Body.Bytes())),
			Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: answer.Body.Len() == 0 || answer.Header().Get("Content-Type") != "application/json"},
		})
	}
}

func TestRepliesSatisfyMistsDocument(t *testing.T) {
	t.Parallel()
	check := contract(t)
	b := setup(t, explained())
	b.link(t, b.org, accountID, "Test Company1 Ltd", "Ann Lee")
	b.link(t, b.org, "second", "Test Company2 Ltd", "Bob")
	b.exec(t, "update links set errors = '{one,two}', last_status = 'failed', last_sync_at = null where account_id = 'second'")
	b.calls(t, b.org, legs...)
	accounts := b.accounts(b.org)
	for _, test := range []struct {
		method, target, body string
		role                 access.Role
		status               int
	}{
		{"GET", accounts + query("forward", forward), "", access.Admin, 200},
		{"GET", b.accounts(b.other), "", access.Admin, 404},
		{"GET", accounts, "", "", 401},
		{"GET", accounts, "", access.Helpdesk, 403},
		{"GET", accounts + query("forward", "https://evil.example"), "", access.Admin, 400},
		{"PUT", accounts + "/" + accountID, `{"account_id":"` + accountID + `"}`, access.Admin, 200},
		{"PUT", accounts + "/" + accountID, `{`, access.Admin, 400},
		{"DELETE", accounts + "/second", "", access.Admin, 200},
		{"GET", b.callsPath(b.org, "search", "limit", "2"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "search", "limit", "x"), "", access.Helpdesk, 400},
		{"GET", b.callsPath(b.org, "search", "app", "teams"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "summary"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.other, "summary"), "", access.Admin, 404},
		{"GET", b.callsPath(b.org, "count"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "count", "rating", "1,2"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "count", "distinct", "ssid"), "", access.Helpdesk, 400},
		{"GET", b.callsPath(b.other, "count"), "", access.Admin, 404},
		{"GET", b.callsPath(b.org, "troubleshoot"), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "troubleshoot", "meeting_id", legs[0].uuid), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "troubleshoot", "meeting_id", "91234567890"), "", access.Helpdesk, 400},
		{"GET", b.callsPath(b.other, "troubleshoot"), "", access.Admin, 404},
		{"GET", b.callsPath(b.org, "client/aa0000000001/troubleshoot", "meeting_id", legs[0].uuid), "", access.Helpdesk, 200},
		{"GET", b.callsPath(b.org, "client/aa0000000001/troubleshoot"), "", access.Helpdesk, 400},
		{"GET", b.callsPath(b.other, "client/aa0000000001/troubleshoot", "meeting_id", legs[0].uuid), "", access.Admin, 404},
		{"GET", b.callsPath(b.org, "client/aa0000000001/troubleshoot", "meeting_id", legs[0].uuid), "", "", 401},
	} {
		answer := b.do(t, test.method, test.target, test.body, b.org, test.role)
		if answer.Code != test.status {
			t.Errorf("%s %s: %d, want %d", test.method, test.target, answer.Code, test.status)
		}
		if err := check(test.method, test.target, answer); err != nil {
			t.Errorf("%s %s: %v\n%s", test.method, test.target, err, answer.Body)
		}
	}
	// The check itself can fail.
	wrong := httptest.NewRecorder()
	wrong.Header().Set("Content-Type", "application/json")
	_, _ = wrong.WriteString(`{"linked":true,"accounts":null}`)
	if err := check("GET", accounts, wrong); err == nil {
		t.Error("the contract lets null accounts pass")
	}
}

// Mist's Go client decodes strictly: what is whole must be written without fraction and
// exponent, lists must be lists, and a null or a string in a number's place is an error.
func TestRepliesKeepWhatStrictClientsNeed(t *testing.T) {
	t.Parallel()
	b := setup(t, explained())
	b.link(t, b.org, accountID, "Company", "Ann")
	b.calls(t, b.org, legs...)
	meeting := []string{"meeting_id", legs[0].uuid}
	whole := regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	for target, fields := range map[string][]string{
		b.accounts(b.org):                                                  {"last_sync", "max_daily_api_requests"},
		b.callsPath(b.org, "search"):                                       {"start", "end", "limit", "total", "start_time", "end_time", "audio_quality"},
		b.callsPath(b.org, "summary"):                                      {"num_users", "num_aps"},
		b.callsPath(b.org, "count"):                                        {"start", "end", "limit", "total", "count"},
		b.callsPath(b.org, "count", "rating", "5"):                         {"start", "end", "limit", "total"},
		b.callsPath(b.org, "troubleshoot"):                                 {"timestamp"},
		b.callsPath(b.org, "client/aa0000000001/troubleshoot", meeting...): {"timestamp"},
	} {
		answer := b.do(t, "GET", target, "", b.org, access.Admin)
		if got := answer.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", target, got)
		}
		text := answer.Body.String()
		if strings.Contains(text, "null") {
			t.Errorf("%s: a null: %s", target, text)
		}
		for _, field := range fields {
			found := regexp.MustCompile(`"`+field+`":([^,}\]]+)`).FindAllStringSubmatch(text, -1)
			if len(found) == 0 {
				t.Errorf("%s: no %s in %s", target, field, text)
			}
			for _, match := range found {
				if !whole.MatchString(match[1]) {
					t.Errorf("%s: %s is written %s", target, field, match[1])
				}
			}
		}
	}
	for _, path := range []string{
		b.accounts(b.other), b.callsPath(b.other, "search"), b.callsPath(b.other, "count"), b.callsPath(b.other, "count", "rating", "1"),
		b.callsPath(b.other, "troubleshoot"), b.callsPath(b.other, "client/aa0000000001/troubleshoot", meeting...),
	} {
		var body map[string]json.RawMessage
		if err := json.Unmarshal(b.do(t, "GET", path, "", b.other, access.Admin).Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if list := string(body["accounts"]) + string(body["results"]); list != "[]" {
			t.Errorf("%s: an empty list is written %s", path, list)
		}
	}
}
