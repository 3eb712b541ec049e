package zoomwindow

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// tokenReply is the answer to a grant. Scope is returned as the app has it,
// classic or granular.
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	APIURL       string `json:"api_url"`
}

// serveToken is POST /oauth/token: Basic credentials and a form, nothing else.
func (w *Window) serveToken(rw http.ResponseWriter, r *http.Request) {
	client, failure := w.oauthForm(r)
	s := subject{path: r.URL.EscapedPath(), grantType: r.PostForm.Get("grant_type")}
	if failure == nil {
		s.accountID = w.accountOfForm(r)
	}
	w.withFaults(rw, r, s, func(*Injected) reply {
		if failure != nil {
			return *failure
		}
		defer w.cfg.Changed()
		if w.settings.appDisabled(client.ID) {
			return w.tokenErrorReply(appDisabled())
		}
		switch r.PostForm.Get("grant_type") {
		case "authorization_code":
			return w.exchange(r, client)
		case "refresh_token":
			return w.refresh(r, client)
		case "":
			return w.tokenErrorReply(missingGrantType())
		default:
			return w.tokenErrorReply(unsupportedGrantType())
		}
	})
}

// oauthForm checks what the token and revoke endpoints have in common.
func (w *Window) oauthForm(r *http.Request) (Client, *reply) {
	fail := func(rep reply) (Client, *reply) { return Client{}, &rep }
	if r.Method != http.MethodPost {
		return fail(jsonReply(http.StatusMethodNotAllowed, tokenError{Reason: "Method Not Allowed", Err: invalidRequest}))
	}
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return fail(jsonReply(http.StatusUnsupportedMediaType, tokenError{Reason: "Unsupported Media Type", Err: invalidRequest}))
	}
	if err := r.ParseForm(); err != nil {
		return fail(jsonReply(http.StatusBadRequest, tokenError{Reason: "Bad Request", Err: invalidRequest}))
	}
	id, password, ok := r.BasicAuth()
	client, known := w.client(id)
	if !ok || !known || subtle.ConstantTimeCompare([]byte(password), []byte(client.Secret)) != 1 {
		return fail(w.tokenErrorReply(invalidClient()))
	}
	return client, nil
}

// accountOfForm tells faults which account a token request is about.
func (w *Window) accountOfForm(r *http.Request) string {
	w.oauth.mu.Lock()
	defer w.oauth.mu.Unlock()
	if c, ok := w.oauth.codes[r.PostForm.Get("code")]; ok {
		return c.AccountID
	}
	if g, _, _ := w.oauth.byRefresh(r.PostForm.Get("refresh_token")); g != nil {
		return g.AccountID
	}
	if g, _, _ := w.oauth.byAccess(r.PostForm.Get("token")); g != nil {
		return g.AccountID
	}
	return ""
}

// exchange turns a code into a pair. Every earlier pair of the account dies: an
// account has one valid pair per app (error 4741).
func (w *Window) exchange(r *http.Request, client Client) reply {
	scopes := w.settings.clientScopes(client.ID)
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	code, ok := s.codes[r.PostForm.Get("code")]
	switch {
	case !ok, code.ClientID != client.ID, code.Used:
		return w.tokenErrorReply(codeInvalid())
	case s.now().After(code.ExpiresAt):
		return w.tokenErrorReply(codeExpired())
	case code.RedirectURI != r.PostForm.Get("redirect_uri"):
		return w.tokenErrorReply(redirectMismatch())
	case !code.verifiedBy(r.PostForm.Get("code_verifier")):
		return w.tokenErrorReply(badVerifier())
	case w.settings.userRemoved(code.UserID):
		return w.tokenErrorReply(ownerGone())
	case w.settings.approvalWithdrawn(client.ID, code.AccountID):
		return w.tokenErrorReply(disabledByAdmin())
	}
	code.Used = true
	s.kill(client.ID, code.AccountID, causeSuperseded)
	g := &grant{ClientID: client.ID, AccountID: code.AccountID, UserID: code.UserID, Scopes: slices.Clone(scopes)}
	s.rotate(g)
	s.grants = append(s.grants, g)
	return w.pairReply(r, g)
}

// verifiedBy checks a PKCE verifier (RFC 7636, section 4.6). A code without a
// challenge needs none.
func (c *authorizationCode) verifiedBy(verifier string) bool {
	if c.Challenge == "" {
		return true
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	got := verifier
	if c.ChallengeMethod == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		got = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(got), []byte(c.Challenge)) == 1
}

// refresh rotates a pair.
func (w *Window) refresh(r *http.Request, client Client) reply {
	scopes := w.settings.clientScopes(client.ID)
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	g, token, current := s.byRefresh(r.PostForm.Get("refresh_token"))
	switch {
	case g == nil, g.ClientID != client.ID:
		return w.tokenErrorReply(deadToken())
	case w.settings.userRemoved(g.UserID):
		return w.tokenErrorReply(ownerGone())
	case w.settings.approvalWithdrawn(client.ID, g.AccountID):
		return w.tokenErrorReply(disabledByAdmin())
	case g.Dead != alive, !s.now().Before(token.ExpiresAt):
		return w.tokenErrorReply(deadToken())
	case !sameScopes(g.Scopes, scopes):
		return w.tokenErrorReply(scopesChanged())
	}
	if !current {
		token.Uses++
		if s.cfg.RefreshTolerance > 0 && token.Uses > s.cfg.RefreshTolerance {
			return w.tokenErrorReply(toleranceExceeded())
		}
	}
	s.rotate(g)
	return w.pairReply(r, g)
}

func sameScopes(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// pairReply shows the newest pair of g. The caller holds the lock.
func (w *Window) pairReply(r *http.Request, g *grant) reply {
	apiURL := w.cfg.BaseURL
	if apiURL == "" {
		apiURL = "http://" + r.Host
	}
	rep := jsonReply(http.StatusOK, tokenReply{
		AccessToken:  g.Access[len(g.Access)-1].Token,
		TokenType:    "bearer",
		RefreshToken: g.Refresh[len(g.Refresh)-1].Token,
		ExpiresIn:    int64(w.cfg.OAuth.AccessLife.Seconds()),
		Scope:        strings.Join(g.Scopes, " "),
		APIURL:       strings.TrimSuffix(apiURL, "/"),
	})
	rep.header.Set("Cache-Control", "no-store")
	return rep
}
