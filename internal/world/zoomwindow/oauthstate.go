package zoomwindow

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"
)

// cause says why a grant no longer works.
type cause string

const (
	alive            cause = ""
	causeSuperseded  cause = "superseded"  // the account authorized the app again (error 4741)
	causeRevoked     cause = "revoked"     // the app gave it back
	causeUninstalled cause = "uninstalled" // an admin removed the app
)

// issuedToken is one token of a grant.
type issuedToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Uses      int       `json:"uses,omitempty"` // of a refresh token, after it was rotated
}

// grant is one authorization of one client by one account and all tokens of it, the
// current ones last.
type grant struct {
	ClientID  string        `json:"client_id"`
	AccountID string        `json:"account_id"`
	UserID    string        `json:"user_id"`
	Scopes    []string      `json:"scopes"`
	Access    []issuedToken `json:"access"`
	Refresh   []issuedToken `json:"refresh"`
	Dead      cause         `json:"dead,omitempty"`
}

// authorizationCode is a code and what it was issued for.
type authorizationCode struct {
	Code            string    `json:"code"`
	ClientID        string    `json:"client_id"`
	AccountID       string    `json:"account_id"`
	UserID          string    `json:"user_id"`
	RedirectURI     string    `json:"redirect_uri"`
	Challenge       string    `json:"challenge,omitempty"`
	ChallengeMethod string    `json:"challenge_method,omitempty"`
	ExpiresAt       time.Time `json:"expires_at"`
	Used            bool      `json:"used,omitempty"`
}

// oauthState is everything the OAuth endpoints remember.
type oauthState struct {
	mu      sync.Mutex
	cfg     OAuthOptions
	now     func() time.Time
	grants  []*grant
	codes   map[string]*authorizationCode
	consent map[string]*consentRequest
	issued  []string // every token and code, ever
}

func newOAuthState(cfg Config) *oauthState {
	return &oauthState{
		cfg:     cfg.OAuth,
		now:     cfg.Now,
		codes:   map[string]*authorizationCode{},
		consent: map[string]*consentRequest{},
	}
}

// randomText is n random bytes in base64url.
func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails: crypto/rand.Read ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Real access tokens have the form of a JWT and several hundred characters; the
// prefix is a header, the rest is noise. The same for refresh tokens.
const tokenPrefix = "eyJzdiI6IjAwMDAwMiIsImFsZyI6IkhTNTEyIiwidiI6IjIuMCJ9." //nolint:gosec // a header, no credential

func (s *oauthState) newToken() string {
	token := tokenPrefix + randomText(330) + "." + randomText(64)
	s.issued = append(s.issued, token)
	return token
}

func (s *oauthState) newCode(c authorizationCode) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Code = randomText(24)
	c.ExpiresAt = s.now().Add(s.cfg.CodeLife)
	s.issued = append(s.issued, c.Code)
	s.codes[c.Code] = &c
	return c.Code
}

// rotate gives g a new pair and dates the old one. The caller holds the lock.
func (s *oauthState) rotate(g *grant) {
	now := s.now()
	if n := len(g.Access); n > 0 {
		g.Access[n-1].ExpiresAt = earlier(g.Access[n-1].ExpiresAt, now.Add(s.cfg.AccessGrace))
	}
	if n := len(g.Refresh); n > 0 {
		g.Refresh[n-1].ExpiresAt = earlier(g.Refresh[n-1].ExpiresAt, now.Add(s.cfg.RefreshGrace))
	}
	g.Access = append(g.Access, issuedToken{Token: s.newToken(), ExpiresAt: now.Add(s.cfg.AccessLife)})
	g.Refresh = append(g.Refresh, issuedToken{Token: s.newToken(), ExpiresAt: now.Add(s.cfg.RefreshLife)})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// byAccess finds the grant of an access token. The caller holds the lock.
func (s *oauthState) byAccess(token string) (g *grant, t *issuedToken, current bool) {
	return s.find(token, func(g *grant) []issuedToken { return g.Access })
}

// byRefresh finds the grant of a refresh token. The caller holds the lock.
func (s *oauthState) byRefresh(token string) (g *grant, t *issuedToken, current bool) {
	return s.find(token, func(g *grant) []issuedToken { return g.Refresh })
}

func (s *oauthState) find(token string, of func(*grant) []issuedToken) (*grant, *issuedToken, bool) {
	for _, g := range s.grants {
		tokens := of(g)
		for i := range tokens {
			if tokens[i].Token == token {
				return g, &tokens[i], i == len(tokens)-1
			}
		}
	}
	return nil, nil, false
}

// kill ends every living grant of (client, account).
func (s *oauthState) kill(clientID, accountID string, why cause) (killed []*grant) {
	for _, g := range s.grants {
		if g.ClientID == clientID && g.AccountID == accountID && g.Dead == alive {
			g.Dead = why
			killed = append(killed, g)
		}
	}
	return killed
}

// Issued returns every access token, refresh token and authorization code that the
// window ever issued, and the clients' secrets: what must appear in no log, history
// or dump.
func (w *Window) Issued() []string {
	w.oauth.mu.Lock()
	defer w.oauth.mu.Unlock()
	issued := append([]string(nil), w.oauth.issued...)
	for _, c := range w.cfg.Clients {
		for _, s := range []string{c.Secret, c.WebhookSecret} {
			if s != "" {
				issued = append(issued, s)
			}
		}
	}
	return issued
}
