package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/config"
	"callweave/internal/telemetry"
)

// recorder is a mux that remembers what was registered.
type recorder struct {
	*http.ServeMux
	routes map[string]http.Handler
}

func (r *recorder) Handle(pattern string, handler http.Handler) {
	r.routes[pattern] = handler
	r.ServeMux.Handle(pattern, handler)
}

// serveRoutes registers everything that `starter serve` answers.
func (b *bundle) serveRoutes(t *testing.T) *recorder {
	t.Helper()
	settings, err := config.Load[config.Starter](t.Context(), b.app(nil, nil).env)
	if err != nil {
		t.Fatal(err)
	}
	s, v := b.open(t)
	mux := &recorder{ServeMux: http.NewServeMux(), routes: map[string]http.Handler{}}
	observed := &telemetry.Telemetry{Logger: slog.New(slog.DiscardHandler), Metrics: http.NotFoundHandler()}
	if err := addRoutes(mux, settings, observed, s, v, nil, "default"); err != nil {
		t.Fatal(err)
	}
	return mux
}

// target fills a pattern's wildcards in: an org, a site, and names of no consequence.
func targetOf(pattern string, org, site uuid.UUID) (method, target string) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	return method, strings.NewReplacer("{org_id}", org.String(), "{site_id}", site.String(), "{app_name}", "zoom", "{provider}", "zoom",
		"{account_id}", account, "{from}", "2026-11-01T00:00:00Z", "{client_mac}", "aa0000000001", "{$}", "").Replace(path)
}

// Every route says who may use it.
func TestEveryRouteDeclaresWhoMayUseIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	routes := b.serveRoutes(t).routes
	if len(routes) < 20 {
		t.Fatalf("%d routes: are these all?", len(routes))
	}
	for pattern, handler := range routes {
		route, declared := handler.(access.Route)
		switch {
		case !declared:
			t.Errorf("%s says neither which action it takes nor why it is public", pattern)
		case (route.Action == "") == (route.Public == ""):
			t.Errorf("%s takes action %q and is public because %q: want one of them", pattern, route.Action, route.Public)
		case route.Action != "" && !access.Admin.May(route.Action):
			t.Errorf("%s takes %q, which nobody may", pattern, route.Action)
		}
	}
}

// Every route that takes an action lets in those whose role allows it, in their own org,
// and nobody else.
func TestEveryRouteHoldsToItsAction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	s, _ := b.open(t)
	site, otherSite, otherOrg := uuid.New(), uuid.New(), uuid.New()
	conn := b.conn(t)
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"insert into orgs (org_id, name, mist_url, mist_token_sealed) values ($1, 'Other', '', '')", []any{otherOrg}},
		{"insert into sites (org_id, site_id, name) values ($1, $2, 'Site'), ($3, $4, 'Site')", []any{b.org, site, otherOrg, otherSite}},
	} {
		if _, err := conn.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
	mux := b.serveRoutes(t)
	tokens, cookies := map[access.Role]string{}, map[access.Role]*http.Cookie{}
	for _, role := range []access.Role{access.Admin, access.Observer, access.Helpdesk} {
		_, token, err := s.CreateToken(t.Context(), b.org, string(role))
		if err != nil {
			t.Fatal(err)
		}
		tokens[role], cookies[role] = token.Reveal(), signIn(t, mux, token.Reveal())
	}
	ask := func(pattern string, org, site uuid.UUID, role access.Role) int {
		method, target := targetOf(pattern, org, site)
		request := httptest.NewRequest(method, target, nil)
		if role != "" {
			request.Header.Set("Authorization", "Token "+tokens[role])
			request.AddCookie(cookies[role])
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		return answer.Code
	}
	for pattern, handler := range mux.routes {
		route, _ := handler.(access.Route)
		if route.Action == "" {
			continue
		}
		nobody := http.StatusUnauthorized
		if strings.Contains(pattern, "/console/") {
			nobody = http.StatusSeeOther
		}
		if got := ask(pattern, b.org, site, ""); got != nobody {
			t.Errorf("%s for nobody: status %d, want %d", pattern, got, nobody)
		}
		for role := range tokens {
			if route.Action == access.ChangeLinks && role.May(route.Action) {
				continue // it would be done
			}
			if got := ask(pattern, b.org, site, role); (got == http.StatusForbidden) == role.May(route.Action) {
				t.Errorf("%s (%s) for %s: status %d", pattern, route.Action, role, got)
			}
			if strings.Contains(pattern, "{org_id}") || strings.Contains(pattern, "{site_id}") {
				if got := ask(pattern, otherOrg, otherSite, role); got != http.StatusNotFound {
					t.Errorf("%s of another org for %s: status %d, want 404", pattern, role, got)
				}
			}
		}
	}
}

// signIn returns the session's cookie.
func signIn(t *testing.T, handler http.Handler, token string) *http.Cookie {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/console/sign-in", strings.NewReader(url.Values{"token": {token}}.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	for _, cookie := range answer.Result().Cookies() {
		return cookie
	}
	t.Fatalf("signed in with status %d and no cookie", answer.Code)
	return nil
}

// The document describes every route but pages for people, and no other.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for path, methods := range doc.Paths {
		for method := range methods {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	for pattern := range setup(t).serveRoutes(t).routes {
		if pattern == "/" || pattern == "GET /{$}" || strings.Contains(pattern, " /console/") {
			continue
		}
		if !described[pattern] {
			t.Errorf("%s is not in openapi.json", pattern)
		}
		delete(described, pattern)
	}
	for pattern := range described {
		t.Errorf("%s is in openapi.json and nowhere else", pattern)
	}
}
