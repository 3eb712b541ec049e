package zoomwindow

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tests := map[string]struct {
		pairs []string
		code  float64
	}{
		"unknown client":         {[]string{"client_id", "nobody"}, 4702},
		"no redirect":            {[]string{"redirect_uri", ""}, 4700},
		"another path":           {[]string{"redirect_uri", b.redirectURI() + "x"}, 4700},
		"no query":               {[]string{"redirect_uri", b.server.URL + "/callback"}, 4700},
		"token flow":             {[]string{"response_type", "token"}, 4700},
		"unknown PKCE method":    {[]string{"code_challenge", "x", "code_challenge_method", "S512"}, 4700},
		"redirect in other case": {[]string{"redirect_uri", strings.ToUpper(b.redirectURI())}, 4700},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := b.do(b.request(http.MethodGet, strings.TrimPrefix(b.authorizeURL(tt.pairs...), b.server.URL), ""))
			if got.status != http.StatusBadRequest || got.body["errorCode"] != tt.code || got.body["status"] != false {
				t.Errorf("got %d %s, want errorCode %v", got.status, got.raw, tt.code)
			}
		})
	}
}

func TestBrowserApprovesAndDenies(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ctx := context.Background()
	query := func(end string, err error) url.Values {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := url.Parse(end)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Query()
	}

	q := query(NewBrowser().Approve(ctx, b.authorizeURL(), b.deputy.Email))
	if q.Get("state") != "st/a te" || q.Get("via") != "zoom" || q.Get("code") == "" {
		t.Errorf("approved: got %v", q)
	}
	if b.oauth.codes[q.Get("code")].UserID != b.deputy.ZoomUserID {
		t.Error("the code is not the deputy's")
	}
	// A Marketplace installation brings no state, so none comes back.
	if q := query(NewBrowser().Approve(ctx, b.authorizeURL("state", ""), b.owner.Email)); q.Has("state") || q.Get("code") == "" {
		t.Errorf("without state: got %v", q)
	}
	if q := query(NewBrowser().Deny(ctx, b.authorizeURL())); q.Get("error") != "access_denied" || q.Get("state") != "st/a te" || q.Has("code") {
		t.Errorf("denied: got %v", q)
	}
	if _, err := NewBrowser().Approve(ctx, b.authorizeURL(), "nobody@quillmere.example"); err == nil {
		t.Error("approved as nobody")
	}
	if _, err := NewBrowser().Approve(ctx, b.authorizeURL("client_id", "nobody"), b.owner.Email); err == nil {
		t.Error("approved for an unknown client")
	}
	b.RemoveUser(b.deputy.ZoomUserID)
	if _, err := NewBrowser().Approve(ctx, b.authorizeURL(), b.deputy.Email); err == nil {
		t.Error("a removed admin signed in")
	}
	b.WithdrawApproval(clientID, b.account.ID, true)
	if _, err := NewBrowser().Approve(ctx, b.authorizeURL(), b.owner.Email); err == nil {
		t.Error("approved without pre-approval")
	}
}

// The form works once and only in the browser that was shown it.
func TestConsentIsBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	browser := NewBrowser()
	page, err := browser.follow(b.request(http.MethodGet, strings.TrimPrefix(b.authorizeURL(), b.server.URL), ""))
	if err != nil {
		t.Fatal(err)
	}
	form, err := parseConsent(page, b.owner.Email)
	if err != nil {
		t.Fatal(err)
	}
	form.fields.Set(fieldDecision, decisionAllow)
	post := func(as *Browser) int {
		req := b.request(http.MethodPost, form.action.Path, form.fields.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		end, err := as.follow(req)
		if err != nil {
			t.Fatal(err)
		}
		return end.status
	}
	if got := post(NewBrowser()); got != http.StatusBadRequest {
		t.Errorf("another browser: got %d", got)
	}
	if got := post(browser); got != http.StatusOK {
		t.Errorf("the browser: got %d", got)
	}
	if got := post(browser); got != http.StatusBadRequest {
		t.Errorf("a second time: got %d", got)
	}
}
