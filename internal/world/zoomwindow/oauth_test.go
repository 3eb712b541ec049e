package zoomwindow

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	verifier := strings.Repeat("v", 43)
	withPKCE := []string{"code_challenge", challengeOf(verifier), "code_challenge_method", "S256"}
	tests := map[string]struct {
		authorize []string
		before    func(*bundle)
		exchange  []string
		status    int
		code      float64 // of Zoom's error table
	}{
		"plain":            {status: 200},
		"PKCE":             {authorize: withPKCE, exchange: []string{"code_verifier", verifier}, status: 200},
		"PKCE plain":       {authorize: []string{"code_challenge", verifier}, exchange: []string{"code_verifier", verifier}, status: 200},
		"wrong verifier":   {authorize: withPKCE, exchange: []string{"code_verifier", strings.Repeat("w", 43)}, status: 400, code: 4700},
		"no verifier":      {authorize: withPKCE, status: 400, code: 4700},
		"short verifier":   {authorize: []string{"code_challenge", "short"}, exchange: []string{"code_verifier", "short"}, status: 400, code: 4700},
		"almost expired":   {before: func(b *bundle) { b.clock.Advance(5 * time.Minute) }, status: 200},
		"expired":          {before: func(b *bundle) { b.clock.Advance(5*time.Minute + time.Second) }, status: 400, code: 4733},
		"unknown code":     {exchange: []string{"code", "nonsense"}, status: 400, code: 4734},
		"other redirect":   {exchange: []string{"redirect_uri", "http://127.0.0.1/other"}, status: 400, code: 4709},
		"no redirect":      {exchange: []string{"redirect_uri", ""}, status: 400, code: 4709},
		"user removed":     {before: func(b *bundle) { b.RemoveUser(b.owner.ZoomUserID) }, status: 400, code: 4735},
		"not approved":     {before: func(b *bundle) { b.WithdrawApproval(clientID, b.account.ID, true) }, status: 400, code: 4738},
		"app disabled":     {before: func(b *bundle) { b.DisableApp(clientID, true) }, status: 400, code: 4717},
		"no grant type":    {exchange: []string{"grant_type", ""}, status: 400, code: 4706},
		"grant type":       {exchange: []string{"grant_type", "password"}, status: 400},
		"server to server": {exchange: []string{"grant_type", "account_credentials"}, status: 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			code := b.code(b.owner, tt.authorize...)
			if tt.before != nil {
				tt.before(b)
			}
			got := b.exchange(code, tt.exchange...)
			if got.status != tt.status {
				t.Fatalf("got %d %s, want %d", got.status, got.raw, tt.status)
			}
			if tt.status == 200 {
				if got.text("token_type") != "bearer" || got.body["expires_in"] != 3600.0 || got.text("api_url") != b.server.URL ||
					got.text("scope") != "dashboard_meetings:read:admin user:read:admin" {
					t.Errorf("got %s", got.raw)
				}
				if again := b.exchange(code, tt.exchange...); again.status != 400 || again.body["errorCode"] != 4734.0 {
					t.Errorf("a second time: got %d %s", again.status, again.raw)
				}
				return
			}
			if got.text("error") == "" || got.text("reason") == "" {
				t.Errorf("got %s, want reason and error", got.raw)
			}
			if number, _ := got.body["errorCode"].(float64); number != tt.code {
				t.Errorf("errorCode: got %v, want %v", number, tt.code)
			}
		})
	}
}

func TestTokenEndpointForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*http.Request)
		status int
		err    string
	}{
		"credentials in the form": {func(r *http.Request) { r.Header.Del("Authorization") }, 401, "invalid_client"},
		"wrong secret":            {func(r *http.Request) { r.SetBasicAuth(clientID, "wrong") }, 401, "invalid_client"},
		"unknown client":          {func(r *http.Request) { r.SetBasicAuth("nobody", clientSecret) }, 401, "invalid_client"},
		"JSON":                    {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 415, "invalid_request"},
		"GET":                     {func(r *http.Request) { r.Method = http.MethodGet }, 405, "invalid_request"},
		"all in the query": {func(r *http.Request) {
			r.URL.RawQuery = url.Values{"grant_type": {"authorization_code"}}.Encode()
			r.Body, r.ContentLength = http.NoBody, 0
		}, 400, "invalid_request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			code := b.code(b.owner)
			pairs := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", b.redirectURI()}
			req := b.tokenRequest("/oauth/token", append(pairs, "client_id", clientID, "client_secret", clientSecret)...)
			tt.change(req)
			if got := b.do(req); got.status != tt.status || got.text("error") != tt.err {
				t.Errorf("got %d %s, want %d %s", got.status, got.raw, tt.status, tt.err)
			}
			if got := b.exchange(code); got.status != 200 {
				t.Errorf("the code was used up: got %d %s", got.status, got.raw)
			}
		})
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Config)
		wait   time.Duration // between the two uses of the first refresh token
		uses   int           // further uses that must work
		last   float64       // errorCode of the one after; 0 is the plain body
		access int           // status of the first access token after the rotation
	}{
		"no grace":            {access: 401},
		"grace":               {change: func(c *Config) { c.OAuth.RefreshGrace = time.Minute }, wait: 59 * time.Second, uses: 3, last: -1, access: 401},
		"grace is over":       {change: func(c *Config) { c.OAuth.RefreshGrace = time.Minute }, wait: time.Minute, access: 401},
		"tolerance":           {change: func(c *Config) { c.OAuth.RefreshGrace, c.OAuth.RefreshTolerance = time.Hour, 2 }, uses: 2, last: 4740, access: 401},
		"old access survives": {change: func(c *Config) { c.OAuth.AccessGrace = time.Minute }, wait: 59 * time.Second, access: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.change)
			access, refresh := b.pair(b.owner)
			second := b.refresh(refresh)
			if second.status != 200 || second.text("refresh_token") == refresh || second.text("access_token") == access {
				t.Fatalf("got %d, want a new pair", second.status)
			}
			b.clock.Advance(tt.wait)
			if got := b.get(access, "/users/me"); got.status != tt.access {
				t.Errorf("old access token: got %d, want %d", got.status, tt.access)
			}
			if got := b.get(second.text("access_token"), "/users/me"); got.status != 200 {
				t.Errorf("new access token: got %d", got.status)
			}
			for range tt.uses {
				if got := b.refresh(refresh); got.status != 200 {
					t.Fatalf("within grace: got %d %s", got.status, got.raw)
				}
			}
			if tt.last < 0 {
				return
			}
			got := b.refresh(refresh)
			if number, _ := got.body["errorCode"].(float64); got.status != 400 || got.text("error") != "invalid_grant" || number != tt.last {
				t.Errorf("got %d %s, want a dead token", got.status, got.raw)
			}
		})
	}
}

func TestWhatEndsAPair(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end     func(b *bundle, access string)
		body    map[string]any // of a refresh
		access  int
		message string
	}{
		"authorized again, by another admin": {
			end:  func(b *bundle, _ string) { b.pair(b.deputy) },
			body: map[string]any{"reason": "Invalid Token!", "error": "invalid_grant"}, access: 401, message: "Invalid access token.",
		},
		"revoked": {
			end: func(b *bundle, access string) {
				if got := b.do(b.tokenRequest("/oauth/revoke", "token", access)); got.status != 200 || got.text("status") != "success" {
					b.t.Errorf("revoke: got %d %s", got.status, got.raw)
				}
				if got := b.do(b.tokenRequest("/oauth/revoke", "token", access)); got.status != 400 {
					b.t.Errorf("revoke twice: got %d", got.status)
				}
			},
			body: map[string]any{"reason": "Invalid Token!", "error": "invalid_grant"}, access: 401, message: "Invalid access token.",
		},
		"uninstalled": {
			end: func(b *bundle, _ string) {
				if err := b.Uninstall(context.Background(), clientID, b.account.ID); err != nil {
					b.t.Error(err)
				}
			},
			body: map[string]any{"reason": "Invalid Token!", "error": "invalid_grant"}, access: 401, message: "Invalid access token.",
		},
		"owner removed": {
			end:  func(b *bundle, _ string) { b.RemoveUser(b.owner.ZoomUserID) },
			body: map[string]any{"reason": "The owner of the token does not exist.", "error": "invalid_grant", "errorCode": 4735.0}, access: 401, message: "Invalid access token.",
		},
		"approval withdrawn": {
			end:  func(b *bundle, _ string) { b.WithdrawApproval(clientID, b.account.ID, true) },
			body: map[string]any{"reason": "The token is disabled by admin.", "error": "invalid_grant", "errorCode": 4738.0}, access: 401, message: "Invalid access token.",
		},
		"app disabled": {
			end:  func(b *bundle, _ string) { b.DisableApp(clientID, true) },
			body: map[string]any{"reason": "The app has been disabled", "error": "unauthorized_client", "errorCode": 4717.0}, access: 401, message: "Invalid access token.",
		},
		"scopes changed": {
			end:  func(b *bundle, _ string) { b.SetScopes(clientID, "user:read:admin") },
			body: map[string]any{"reason": "Refresh token invalid. The token scopes do not match with the client scopes.", "error": "invalid_grant", "errorCode": 4711.0}, access: 200,
		},
		"access token expired": {
			end:    func(b *bundle, _ string) { b.clock.Advance(time.Hour) },
			access: 401, message: "Access token is expired.",
		},
		"90 days": {
			end:  func(b *bundle, _ string) { b.clock.Advance(90 * 24 * time.Hour) },
			body: map[string]any{"reason": "Invalid Token!", "error": "invalid_grant"}, access: 401, message: "Access token is expired.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			access, refresh := b.pair(b.owner)
			tt.end(b, access)
			if got := b.get(access, "/users/me"); got.status != tt.access || got.text("message") != tt.message {
				t.Errorf("API: got %d %s, want %d %q", got.status, got.raw, tt.access, tt.message)
			}
			got := b.refresh(refresh)
			if tt.body == nil {
				if got.status != 200 {
					t.Errorf("refresh: got %d %s, want a new pair", got.status, got.raw)
				}
				return
			}
			if diff := cmp.Diff(tt.body, got.body); got.status != 400 || diff != "" {
				t.Errorf("refresh: got %d, body (-want +got):\n%s", got.status, diff)
			}
		})
	}
}

// Another app's pair of the same account is its own.
func TestAppsDoNotEndEachOther(t *testing.T) {
	t.Parallel()
	const other, otherSecret = "oThErClIeNt", "oThErSeCrEt"
	b := setup(t, func(c *Config) {
		c.Clients = append(c.Clients, Client{ID: other, Secret: otherSecret, RedirectURIs: c.Clients[0].RedirectURIs, Scopes: []string{"user:read:admin"}})
	})
	access, refresh := b.pair(b.owner)
	code := b.code(b.owner, "client_id", other)
	if got := b.exchange(code); got.status != 400 || got.body["errorCode"] != 4734.0 {
		t.Errorf("another app's code: got %d %s", got.status, got.raw)
	}
	exchange := b.tokenRequest("/oauth/token", "grant_type", "authorization_code", "redirect_uri", b.redirectURI(), "code", code)
	exchange.SetBasicAuth(other, otherSecret)
	if got := b.do(exchange); got.status != 200 || got.text("scope") != "user:read:admin" {
		t.Fatalf("exchange: got %d %s", got.status, got.raw)
	}
	stolen := b.tokenRequest("/oauth/token", "grant_type", "refresh_token", "refresh_token", refresh)
	stolen.SetBasicAuth(other, otherSecret)
	if got := b.do(stolen); got.status != 400 {
		t.Errorf("another app's refresh token: got %d", got.status)
	}
	if got := b.get(access, "/users/me"); got.status != 200 {
		t.Errorf("first app: got %d", got.status)
	}
	if got := b.refresh(refresh); got.status != 200 {
		t.Errorf("first app's refresh: got %d %s", got.status, got.raw)
	}
}

func TestErrorForms(t *testing.T) {
	t.Parallel()
	plain := setup(t, func(c *Config) { c.OAuth.NoErrorCodes = true })
	_, refresh := plain.pair(plain.owner)
	plain.RemoveUser(plain.owner.ZoomUserID)
	if got := plain.refresh(refresh); got.status != 400 || got.body["errorCode"] != nil {
		t.Errorf("without numbers: got %d %s", got.status, got.raw)
	}
	old := setup(t, func(c *Config) { c.OAuth.OldErrors = true })
	if got := old.refresh("nonsense"); got.status != 401 || got.text("error") != "invalid_request" {
		t.Errorf("as before 2022: got %d %s", got.status, got.raw)
	}
}

func TestRestartKeepsTokens(t *testing.T) {
	t.Parallel()
	changes := 0
	b := setup(t, func(c *Config) { c.Changed = func() { changes++ } })
	access, refresh := b.pair(b.owner)
	if changes != 2 {
		t.Errorf("changes: got %d, want one for the code and one for the pair", changes)
	}
	open := b.code(b.deputy)
	var saved bytes.Buffer
	if err := b.Save(&saved); err != nil {
		t.Fatal(err)
	}
	again := setup(t, nil)
	if err := again.Load(&saved); err != nil {
		t.Fatal(err)
	}
	if got := again.get(access, "/users/me"); got.status != 200 {
		t.Errorf("access token: got %d %s", got.status, got.raw)
	}
	if got := again.refresh(refresh); got.status != 200 {
		t.Errorf("refresh token: got %d %s", got.status, got.raw)
	}
	if got := again.exchange(open, "redirect_uri", b.redirectURI()); got.status != 200 {
		t.Errorf("code: got %d %s", got.status, got.raw)
	}
	if !slices.Contains(again.Issued(), access) {
		t.Error("what was issued before the restart is forgotten")
	}
	if err := again.Load(strings.NewReader(`{"version":99}`)); err == nil {
		t.Error("loaded a future version")
	}
}

func TestIssuedIsComplete(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	code := b.code(b.owner)
	first := b.exchange(code)
	second := b.refresh(first.text("refresh_token"))
	issued := b.Issued()
	for _, want := range []string{
		code, clientSecret, first.text("access_token"), first.text("refresh_token"),
		second.text("access_token"), second.text("refresh_token"),
	} {
		if !slices.Contains(issued, want) {
			t.Errorf("missing one of %d characters", len(want))
		}
	}
}
