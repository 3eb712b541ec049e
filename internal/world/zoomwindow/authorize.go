package zoomwindow

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// consentRequest is an authorization request while its page is open.
type consentRequest struct {
	clientID    string
	redirectURI string
	state       string
	hasState    bool // a Marketplace installation has none
	challenge   string
	method      string
	session     string // of the browser the page was given to
	expiresAt   time.Time
}

const (
	sessionCookie = "_zm_ssid"
	consentLife   = 30 * time.Minute
)

func (w *Window) client(id string) (Client, bool) {
	i := slices.IndexFunc(w.cfg.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return w.cfg.Clients[i], true
}

// serveAuthorize shows the consent page (GET) and takes the decision (POST).
// A scope parameter is ignored: scopes are the app's, not the request's.
func (w *Window) serveAuthorize(rw http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		w.withFaults(rw, r, subject{path: r.URL.EscapedPath()}, func(*Injected) reply { return w.askConsent(rw, r) })
	case http.MethodPost:
		w.decide(rw, r)
	default:
		rw.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (w *Window) askConsent(rw http.ResponseWriter, r *http.Request) reply {
	q := r.URL.Query()
	client, ok := w.client(q.Get("client_id"))
	if !ok {
		return browserErrorReply(4702, "Invalid client_id: "+q.Get("client_id"))
	}
	redirect := q.Get("redirect_uri")
	if !slices.Contains(client.RedirectURIs, redirect) {
		return browserErrorReply(4700, "Invalid redirect: "+redirect)
	}
	if q.Get("response_type") != "code" {
		return browserErrorReply(4700, "Invalid response_type: "+q.Get("response_type"))
	}
	if w.settings.appDisabled(client.ID) {
		return browserErrorReply(4717, "The app has been disabled")
	}
	method := q.Get("code_challenge_method")
	if q.Has("code_challenge") && method == "" {
		method = "plain" // RFC 7636, section 4.3
	}
	if method != "" && method != "S256" && method != "plain" {
		return browserErrorReply(4700, "Invalid code_challenge_method: "+method)
	}
	session := randomText(16)
	if c, err := r.Cookie(sessionCookie); err == nil && c.Value != "" {
		session = c.Value
	}
	id := w.oauth.openConsent(consentRequest{
		clientID: client.ID, redirectURI: redirect,
		state: q.Get("state"), hasState: q.Has("state"),
		challenge: q.Get("code_challenge"), method: method, session: session,
	})
	http.SetCookie(rw, &http.Cookie{ //nolint:gosec // not Secure: a simulated Zoom is served without TLS
		Name: sessionCookie, Value: session, Path: "/oauth", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	rw.Header().Set("Cache-Control", "no-store")
	rw.Header().Set("Referrer-Policy", "no-referrer")
	rw.Header().Set("X-Frame-Options", "DENY")
	return w.consentPage(id, client)
}

func (s *oauthState) openConsent(c consentRequest) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for id, old := range s.consent {
		if now.After(old.expiresAt) {
			delete(s.consent, id)
		}
	}
	c.expiresAt = now.Add(consentLife)
	id := randomText(16)
	s.consent[id] = &c
	return id
}

// takeConsent returns an open request once, to the browser that opened it.
func (s *oauthState) takeConsent(id, session string) (consentRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.consent[id]
	if !ok || c.session != session || s.now().After(c.expiresAt) {
		return consentRequest{}, false
	}
	delete(s.consent, id)
	return *c, true
}

// decide answers the consent form: back to the app with a code, or with
// error=access_denied.
func (w *Window) decide(rw http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		browserErrorReply(4700, "Invalid form").write(rw)
		return
	}
	var session string
	if c, err := r.Cookie(sessionCookie); err == nil {
		session = c.Value
	}
	req, ok := w.oauth.takeConsent(r.PostForm.Get(fieldRequest), session)
	if !ok {
		browserErrorReply(4700, "This page has expired").write(rw)
		return
	}
	answer := url.Values{}
	if req.hasState {
		answer.Set("state", req.state)
	}
	if r.PostForm.Get(fieldDecision) != decisionAllow {
		answer.Set("error", "access_denied")
		answer.Set("error_description", "The user denied the request.")
		redirectBack(rw, r, req.redirectURI, answer)
		return
	}
	person, account, ok := w.admin(r.PostForm.Get(fieldUser))
	if !ok || w.settings.userRemoved(person.ZoomUserID) {
		browserErrorReply(4700, "The user is not an admin of an account").write(rw)
		return
	}
	if w.settings.approvalWithdrawn(req.clientID, account.ID) {
		browserErrorReply(4738, "This app has not been approved by your account admin").write(rw)
		return
	}
	answer.Set("code", w.oauth.newCode(authorizationCode{
		ClientID: req.clientID, AccountID: account.ID, UserID: person.ZoomUserID,
		RedirectURI: req.redirectURI, Challenge: req.challenge, ChallengeMethod: req.method,
	}))
	w.cfg.Changed()
	redirectBack(rw, r, req.redirectURI, answer)
}

// redirectBack keeps whatever query the registered redirect URI has.
func redirectBack(rw http.ResponseWriter, r *http.Request, redirectURI string, answer url.Values) {
	target, err := url.Parse(redirectURI)
	if err != nil {
		browserErrorReply(4700, "Invalid redirect: "+redirectURI).write(rw)
		return
	}
	q := target.Query()
	for name := range answer {
		q.Set(name, answer.Get(name))
	}
	target.RawQuery = q.Encode()
	http.Redirect(rw, r, target.String(), http.StatusFound)
}
