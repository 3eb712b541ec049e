package zoom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// client returns a client whose OAuth and API requests handler answers.
func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(Config{
		ClientID: "client id", ClientSecret: secret.New("hush"), RedirectURL: "https://callweave.test/callback",
		OAuthURL: server.URL + "/oauth", APIURL: server.URL + "/v2", Now: func() time.Time { return noon },
	})
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func asError(t *testing.T, err error) *provider.Error {
	t.Helper()
	var failure *provider.Error
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v (%T), want a *provider.Error", err, err)
	}
	return failure
}

func TestAuthorizationURLCarriesTheChallengeOnly(t *testing.T) {
	t.Parallel()
	c := client(t, nil)
	got, err := url.Parse(c.AuthorizationURL("state-1", secret.New("verifier-verifier-verifier-verifier-verifier")))
	if err != nil {
		t.Fatal(err)
	}
	query := got.Query()
	if query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "" || query.Get("state") != "state-1" ||
		query.Get("redirect_uri") != "https://callweave.test/callback" || query.Get("response_type") != "code" {
		t.Errorf("authorization URL has the query %v", query)
	}
	if strings.Contains(got.String(), "verifier-verifier") {
		t.Error("authorization URL holds the verifier")
	}
}

func TestExchangeAndRefresh(t *testing.T) {
	t.Parallel()
	var form url.Values
	var user, password string
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.PostForm
		user, password, _ = r.BasicAuth()
		reply(200, `{"access_token":"a1","refresh_token":"r1","token_type":"bearer","expires_in":3600,"scope":"user:read:admin dashboard_meetings:read:admin","api_url":"https://api.zoom.us"}`)(w, r)
	})
	grant, err := c.Exchange(context.Background(), secret.New("code-1"), secret.New("v1"))
	if err != nil {
		t.Fatal(err)
	}
	if user != "client+id" || password != "hush" {
		t.Errorf("basic auth is %q", user)
	}
	if form.Get("code") != "code-1" || form.Get("code_verifier") != "v1" || form.Get("redirect_uri") == "" || form.Get("grant_type") != "authorization_code" {
		t.Errorf("exchange sent %v", form)
	}
	if grant.Access.Reveal() != "a1" || grant.Refresh.Reveal() != "r1" || !grant.ExpiresAt.Equal(noon.Add(time.Hour)) || len(grant.Scopes) != 2 {
		t.Errorf("grant is %+v", grant)
	}
	for _, requirement := range c.Requirements() {
		if !grant.Has(requirement.AnyOf...) {
			t.Errorf("classic scopes do not satisfy %q", requirement.Feature)
		}
	}
	if _, err := c.Refresh(context.Background(), secret.New("r0")); err != nil {
		t.Fatal(err)
	}
	if form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != "r0" {
		t.Errorf("refresh sent %v", form)
	}
}

func TestGranularScopesAreEnough(t *testing.T) {
	t.Parallel()
	grant := provider.Grant{Scopes: []string{"dashboard:read:list_meetings:admin", "dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants_qos:admin", "user:read:user:admin"}}
	for _, requirement := range client(t, nil).Requirements() {
		if !grant.Has(requirement.AnyOf...) {
			t.Errorf("granular scopes do not satisfy %q", requirement.Feature)
		}
	}
}

func TestTokenVerdicts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status   int
		body     string
		refresh  provider.Kind
		verdict  string
		exchange provider.Kind
	}{
		"rotated":            {400, `{"reason":"Invalid Token!","error":"invalid_grant"}`, provider.Reauthorization, provider.VerdictRevoked, provider.Refused},
		"no reason":          {400, `{"error":"invalid_grant"}`, provider.Reauthorization, provider.VerdictRevoked, provider.Refused},
		"older form":         {401, `{"reason":"Invalid Token!","error":"invalid_request"}`, provider.Reauthorization, provider.VerdictRevoked, provider.Refused},
		"expired":            {400, `{"reason":"The token has expired","error":"invalid_grant"}`, provider.Reauthorization, provider.VerdictExpired, provider.Refused},
		"later link":         {400, `{"reason":"The token has been revoked (4741)","error":"invalid_grant"}`, provider.Reauthorization, provider.VerdictRevoked, provider.Reauthorization},
		"tolerance":          {400, `{"code":4740,"message":"tolerance"}`, provider.Reauthorization, provider.VerdictRaced, provider.Reauthorization},
		"owner gone":         {400, `{"errorCode":4735,"errorMessage":"The owner of the token does not exist"}`, provider.Reauthorization, provider.VerdictAdminRemoved, provider.Reauthorization},
		"disabled by admin":  {401, `{"code":"4738"}`, provider.Reauthorization, provider.VerdictAppDisabled, provider.Reauthorization},
		"not found":          {400, `{"code":4737}`, provider.Reauthorization, provider.VerdictRevoked, provider.Reauthorization},
		"scopes":             {400, `{"code":4711,"message":"scopes do not match"}`, provider.Reauthorization, provider.VerdictScopesChanged, provider.Reauthorization},
		"app disabled":       {400, `{"code":4717}`, provider.Misconfigured, provider.VerdictAppDisabled, provider.Misconfigured},
		"our secret":         {401, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, provider.Misconfigured, provider.VerdictInvalidClient, provider.Misconfigured},
		"our id":             {400, `{"code":4702}`, provider.Misconfigured, provider.VerdictInvalidClient, provider.Misconfigured},
		"redirect":           {400, `{"code":4709}`, provider.Misconfigured, "", provider.Misconfigured},
		"code spent":         {400, `{"code":4734}`, provider.Refused, "", provider.Refused},
		"json 503":           {503, `{"reason":"Invalid Token!","error":"invalid_grant"}`, provider.Transient, "", provider.Transient},
		"html 502":           {502, `<html>Bad gateway</html>`, provider.Transient, "", provider.Transient},
		"html 400":           {400, `<html>Request blocked</html>`, provider.Transient, "", provider.Transient},
		"not understood":     {400, `{"error":"something_new"}`, provider.Transient, "", provider.Transient},
		"rate":               {429, `{"code":429,"message":"too many"}`, provider.RateLimited, "", provider.RateLimited},
		"good but truncated": {200, `{"access_token":"secret-a`, provider.Transient, "", provider.Transient},
		"good but no pair":   {200, `{"access_token":"secret-a"}`, "", "", provider.Malformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, reply(test.status, test.body))
			_, err := c.Refresh(context.Background(), secret.New("secret-r"))
			switch {
			case test.refresh == "" && err != nil: // the library keeps the old refresh token
				t.Errorf("refresh: %v", err)
			case test.refresh != "":
				if failure := asError(t, err); failure.Kind != test.refresh || failure.Verdict != test.verdict {
					t.Errorf("refresh is %s, %q, want %s, %q", failure.Kind, failure.Verdict, test.refresh, test.verdict)
				}
				if strings.Contains(err.Error(), "secret-") {
					t.Errorf("error repeats a token: %v", err)
				}
			}
			_, err = c.Exchange(context.Background(), secret.New("secret-c"), secret.New("secret-v"))
			if failure := asError(t, err); failure.Kind != test.exchange {
				t.Errorf("exchange is %s, want %s", failure.Kind, test.exchange)
			}
		})
	}
}

func TestTokenEndpointUnreachable(t *testing.T) {
	t.Parallel()
	c := New(Config{OAuthURL: "http://127.0.0.1:1", ClientSecret: secret.New("hush")})
	_, err := c.Refresh(context.Background(), secret.New("secret-r"))
	if failure := asError(t, err); failure.Kind != provider.Transient || strings.Contains(err.Error(), "secret-r") {
		t.Errorf("error is %v", err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		want    provider.Kind // "" for success
	}{
		"ends":         {reply(200, `{"status":"success"}`), ""},
		"dead already": {reply(400, `{"reason":"Invalid Token!","error":"invalid_grant"}`), ""},
		"unauthorized": {reply(401, `{"code":124,"message":"Invalid access token."}`), ""},
		"owner gone":   {reply(400, `{"errorCode":4735}`), ""},
		"down":         {reply(500, ``), provider.Transient},
		"disabled":     {reply(400, `{"errorCode":4738,"error":"invalid_grant"}`), provider.Reauthorization},
		"scopes":       {reply(400, `{"errorCode":4711,"error":"invalid_grant"}`), provider.Reauthorization},
		"used before":  {reply(400, `{"errorCode":4740,"error":"invalid_grant"}`), provider.Reauthorization},
		"our client":   {reply(401, `{"error":"invalid_client"}`), provider.Misconfigured},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := client(t, test.handler).Revoke(context.Background(), secret.New("a"))
			if test.want == "" {
				if err != nil {
					t.Errorf("revoke: %v", err)
				}
				return
			}
			if failure := asError(t, err); failure.Kind != test.want {
				t.Errorf("revoke is %s, want %s", failure.Kind, test.want)
			}
		})
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/users/me" || r.Header.Get("Authorization") != "Bearer a1" || r.URL.RawQuery != "" {
			t.Errorf("asked for %s", r.URL)
		}
		reply(200, `{"id":"u1","account_id":"AbC_-1","account_number":10013,"email":"ann@example.test","first_name":"Ann","last_name":"Lee","type":2,"new_field":{"a":[1]}}`)(w, r)
	})
	account, err := c.Account(context.Background(), secret.New("a1"))
	if err != nil {
		t.Fatal(err)
	}
	if account.AccountID != "AbC_-1" || account.Number != "10013" || account.Admin.UserID != "u1" || account.Admin.Name.Reveal() != "Ann Lee" {
		t.Errorf("account is %+v", account)
	}
}
