package api_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/vault"
	"callweave/workflows"
)

const (
	callbackPath = "/api/v1/oauth2/app/zoom/callback"
	pendingPath  = "/api/v1/oauth2/app/zoom/pending"
	theCode      = "the-authorization-code"
	forward      = "https://portal.example/settings?tab=apps"
)

// begin offers an authorization through the API and returns its state.
func (b *bundle) begin(t *testing.T, to string) string {
	t.Helper()
	path := "/api/v1/orgs/" + b.org.id.String() + "/setting/zoom/link_accounts?forward=" + url.QueryEscape(to)
	answer := b.do(t, "GET", path, "", b.org, access.Admin)
	if answer.Code != 200 {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	return b.zoom.state
}

func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}

func (b *bundle) state(t *testing.T) string {
	t.Helper()
	var state string
	if err := b.db.QueryRow(t.Context(), "select state from authorizations where org_id = $1 order by created_at desc limit 1", b.org.id).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestCallbackEndings(t *testing.T) {
	t.Parallel()
	linked := workflows.AuthorizeResult{}
	linked.AccountID = accountID
	tests := map[string]struct {
		before   func(t *testing.T, b *bundle)
		target   func(state string, b *bundle) string
		status   int
		location string // "" is a page
		page     string // a word of it
		row      string // state of the authorization after
		started  int    // workflows
	}{
		"linked": {
			target:   func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status:   303,
			location: "https://portal.example/settings?account_id=" + accountID + "&tab=apps&zoom=linked", row: "returned", started: 1,
		},
		"linked, Mist's form": {
			target: func(state string, b *bundle) string {
				return "/api/v1/org/" + b.org.id.String() + "/oauth2/app/zoom/callback" + query("state", state, "code", theCode)
			},
			status:   303,
			location: "https://portal.example/settings?account_id=" + accountID + "&tab=apps&zoom=linked", row: "returned", started: 1,
		},
		"another org in Mist's form": {
			target: func(state string, b *bundle) string {
				return "/api/v1/org/" + b.other.id.String() + "/oauth2/app/zoom/callback" + query("state", state, "code", theCode)
			},
			status: 400, page: "not one that we handed out", row: "offered",
		},
		"refused by the workflow": {
			before: func(_ *testing.T, b *bundle) {
				b.flow.result = workflows.AuthorizeResult{ErrorCode: workflows.CodeRejected}
			},
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status: 303, location: "https://portal.example/settings?error=authorization_rejected&tab=apps&zoom=failed", row: "returned", started: 1,
		},
		"workflow takes long": {
			before: func(_ *testing.T, b *bundle) { b.flow.hang = true },
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status: 202, page: pendingPath, row: "returned", started: 1,
		},
		"Temporal is away": {
			before: func(_ *testing.T, b *bundle) { b.flow.err = errors.New("connection refused") },
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status: 202, page: pendingPath, row: "returned", started: 1,
		},
		"declined": {
			target: func(state string, _ *bundle) string {
				return callbackPath + query("state", state, "error", "access_denied")
			},
			status: 303, location: "https://portal.example/settings?error=access_denied&tab=apps&zoom=failed", row: "refused",
		},
		"any other error": {
			target: func(state string, _ *bundle) string {
				return callbackPath + query("state", state, "error", "https://evil.example")
			},
			status: 303, location: "https://portal.example/settings?error=refused&tab=apps&zoom=failed", row: "refused",
		},
		"neither code nor error": {
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state) },
			status: 303, location: "https://portal.example/settings?error=refused&tab=apps&zoom=failed", row: "refused",
		},
		"no state": {
			target: func(string, *bundle) string { return callbackPath + query("code", theCode) },
			status: 200, page: "begin from your network", row: "offered",
		},
		"changed state": {
			target: func(state string, _ *bundle) string {
				return callbackPath + query("state", strings.ToUpper(state[:8])+state[8:]+"A", "code", theCode)
			},
			status: 400, page: "not one that we handed out", row: "offered",
		},
		"state sealed for something else": {
			target: func(_ string, b *bundle) string {
				sealed, _ := b.vault.Master().Seal(vault.PurposeSession, []byte(`{}`))
				return callbackPath + query("state", string(sealed), "code", theCode)
			},
			status: 400, page: "not one that we handed out", row: "offered",
		},
		"another provider": {
			target: func(state string, _ *bundle) string {
				return "/api/v1/oauth2/app/teams/callback" + query("state", state, "code", theCode)
			},
			status: 400, page: "not one that we handed out", row: "offered",
		},
		"stale": {
			before: func(t *testing.T, b *bundle) {
				t.Helper()
				b.exec(t, "update authorizations set expires_at = now() - interval '1 s'")
			},
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status: 303, location: "https://portal.example/settings?error=expired&tab=apps&zoom=failed", row: "offered",
		},
		"host no longer allowed": {
			before: func(t *testing.T, b *bundle) {
				t.Helper()
				b.exec(t, "update authorizations set forward_url = 'https://evil.example/'")
			},
			target: func(state string, _ *bundle) string { return callbackPath + query("state", state, "code", theCode) },
			status: 200, page: "The account is linked", row: "returned", started: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(_ *api.Config, a *authorize.Config) { a.Patience = 50 * time.Millisecond })
			b.flow.result = linked
			state := b.begin(t, forward)
			if test.before != nil {
				test.before(t, b)
			}
			answer := b.send(httptest.NewRequest("GET", test.target(state, b), nil))
			if answer.Code != test.status || answer.Header().Get("Location") != test.location {
				t.Errorf("got %d to %q\nwant %d to %q", answer.Code, answer.Header().Get("Location"), test.status, test.location)
			}
			if !strings.Contains(answer.Body.String(), test.page) {
				t.Errorf("%q is not on the page: %s", test.page, answer.Body)
			}
			if got := b.state(t); got != test.row {
				t.Errorf("the authorization is %s, want %s", got, test.row)
			}
			if len(b.flow.authorized) != test.started {
				t.Errorf("%d workflows started, want %d", len(b.flow.authorized), test.started)
			}
			for place, text := range map[string]string{"log": b.log.String(), "page": answer.Body.String(), "Location": answer.Header().Get("Location")} {
				if strings.Contains(text, theCode) {
					t.Errorf("the code is in the %s", place)
				}
			}
			if !strings.Contains(b.log.String(), "/callback") || strings.Contains(b.log.String(), state) {
				t.Errorf("the access log must name the route and not the state: %s", b.log)
			}
			if answer.Header().Get("Referrer-Policy") != "no-referrer" || answer.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be kept or its address passed on")
			}
		})
	}
}

// The first answer counts: the same once more joins it, another one starts nothing, and
// neither replaces the code.
func TestCallbackWorksOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.flow.result.AccountID = accountID
	state := b.begin(t, forward)
	target := callbackPath + query("state", state, "code", theCode)
	if got := b.send(httptest.NewRequest("GET", target, nil)); got.Code != 303 {
		t.Fatalf("got %d", got.Code)
	}
	if got := b.send(httptest.NewRequest("GET", target, nil)); !strings.Contains(got.Header().Get("Location"), "zoom=linked") {
		t.Errorf("the same while it is being worked on: got %d to %q", got.Code, got.Header().Get("Location"))
	}
	for _, again := range []string{callbackPath + query("state", state, "code", "another"), callbackPath + query("state", state, "error", "access_denied")} {
		got := b.send(httptest.NewRequest("GET", again, nil))
		if want := "https://portal.example/settings?error=already_used&tab=apps&zoom=failed"; got.Header().Get("Location") != want {
			t.Errorf("got %d to %q, want to %q", got.Code, got.Header().Get("Location"), want)
		}
	}
	var sealed []byte
	if err := b.db.QueryRow(t.Context(), "select code_sealed from authorizations").Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	code, err := b.vault.Master().OpenText(vault.PurposeCode, sealed)
	if err != nil || code.Reveal() != theCode {
		t.Errorf("the sealed code is not the first: %v", err)
	}
	if strings.Contains(string(sealed), theCode) {
		t.Error("the code is stored in the clear")
	}
	if len(b.flow.authorized) != 2 || b.flow.authorized[0] != b.flow.authorized[1] || b.state(t) != "returned" {
		t.Errorf("%d workflows, state %s", len(b.flow.authorized), b.state(t))
	}
}

func TestPendingResumes(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *api.Config, a *authorize.Config) { a.Patience = 50 * time.Millisecond })
	state := b.begin(t, forward)
	resume := pendingPath + query("state", state)
	if got := b.send(httptest.NewRequest("GET", resume, nil)); got.Code != 400 {
		t.Errorf("nothing was answered yet, but pending gets %d", got.Code)
	}
	b.flow.hang = true
	if got := b.send(httptest.NewRequest("GET", callbackPath+query("state", state, "code", theCode), nil)); got.Code != 202 {
		t.Fatalf("got %d", got.Code)
	}
	b.flow.hang, b.flow.result.AccountID = false, accountID
	if got := b.send(httptest.NewRequest("GET", resume, nil)); !strings.Contains(got.Header().Get("Location"), "zoom=linked") {
		t.Errorf("after the workflow ended: got %d to %q", got.Code, got.Header().Get("Location"))
	}
	b.exec(t, "update authorizations set state = 'refused', error_code = 'misconfigured'")
	if got := b.send(httptest.NewRequest("GET", resume, nil)); !strings.Contains(got.Header().Get("Location"), "error=misconfigured") {
		t.Errorf("after a refusal: got %d to %q", got.Code, got.Header().Get("Location"))
	}
	if len(b.flow.authorized) != 2 || b.flow.authorized[0] != b.flow.authorized[1] || b.flow.authorized[0] == uuid.Nil {
		t.Errorf("workflows: %v, want the same one twice", b.flow.authorized)
	}
}

func TestForwards(t *testing.T) {
	t.Parallel()
	forwards, err := authorize.NewForwards("http://callweave.example:8080", []string{"portal.example", "portal.example:8443", "127.0.0.1:3000"})
	if err != nil {
		t.Fatal(err)
	}
	for text, allowed := range map[string]bool{
		"https://portal.example":                  true,
		"https://portal.example:443/a?b=c":        true,
		"https://PORTAL.example:8443/":            true,
		"http://callweave.example:8080/console/":  true,
		"http://127.0.0.1:3000/":                  true,
		"https://callweave.example:8080/console/": false, // another origin
		"http://portal.example/":                  false,
		"https://portal.example:9999/":            false,
		"https://portal.example.evil.example/":    false,
		"https://evil.example/portal.example":     false,
		"https://portal.example@evil.example/":    false,
		"https://user@portal.example/":            false,
		"https://portal.example/#f":               false,
		`https://evil.example\@portal.example/`:   false,
		"//portal.example/":                       false,
		"/console/":                               false,
		"javascript:alert(1)":                     false,
		"https:portal.example":                    false,
		"":                                        false,
	} {
		if _, err := forwards.Check(text); (err == nil) != allowed {
			t.Errorf("%q: got %v, want allowed %v", text, err, allowed)
		}
	}
}
