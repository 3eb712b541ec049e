package console

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/vault"
)

const (
	// sessionLife ends a session however busy it is: a working day.
	sessionLife = 12 * time.Hour
	// idleLife ends a session that nobody uses: a browser that was left open.
	idleLife = 2 * time.Hour
	// renewEvery is how exactly the last use of a session is known.
	renewEvery = 5 * time.Minute
)

// session is what the cookie holds, sealed: not the token but its hash, so that a revoked
// token ends its sessions too.
type session struct {
	ID        uuid.UUID `json:"id"`
	TokenHash []byte    `json:"token_hash"`
	ExpiresAt time.Time `json:"expires_at"`
	UsedAt    time.Time `json:"used_at"`
}

// cookieName has the prefix with which browsers refuse a cookie that was not set by this
// very host over TLS (RFC 6265bis section 4.1.3).
func (c *Console) cookieName() string {
	if c.secure {
		return "__Host-callweave"
	}
	return "callweave"
}

// signIn begins a session of whoever has the token of a hash.
func (c *Console) signIn(w http.ResponseWriter, tokenHash []byte) error {
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	now := c.now()
	return c.keep(w, session{ID: id, TokenHash: tokenHash, ExpiresAt: now.Add(sessionLife), UsedAt: now})
}

// keep sends the session to the browser.
func (c *Console) keep(w http.ResponseWriter, s session) error {
	plain, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	sealed, err := c.master.Seal(vault.PurposeSession, plain)
	if err != nil {
		return err
	}
	http.SetCookie(w, c.cookie(base64.RawURLEncoding.EncodeToString(sealed), int(s.ExpiresAt.Sub(c.now()).Seconds())))
	return nil
}

// signOut ends the session here and in the browser: a copy of the cookie is worth nothing.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, c.cookie("", -1))
	s, ok := c.read(r)
	if !ok {
		return nil
	}
	return c.store.EndSession(r.Context(), s.ID, s.ExpiresAt, c.now())
}

func (c *Console) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever PUBLIC_URL is https
		Name: c.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteStrictMode,
	}
}

// read opens the session that the browser sent, unless it is too old. Any doubt is none.
func (c *Console) read(r *http.Request) (s session, ok bool) {
	cookie, err := r.Cookie(c.cookieName())
	if err != nil {
		return s, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return s, false
	}
	plain, err := c.master.Open(vault.PurposeSession, sealed)
	if err != nil {
		return s, false
	}
	if err := json.Unmarshal(plain, &s); err != nil || s.ID == uuid.Nil {
		return s, false
	}
	now := c.now()
	return s, s.ExpiresAt.After(now) && s.UsedAt.Add(idleLife).After(now)
}

// identify returns who is signed in, and notes that the session is used. Any doubt is nobody.
func (c *Console) identify(w http.ResponseWriter, r *http.Request) (access.Identity, bool) {
	s, ok := c.read(r)
	if !ok {
		return access.Identity{}, false
	}
	if ended, err := c.store.SessionEnded(r.Context(), s.ID); err != nil || ended {
		return access.Identity{}, false
	}
	who, err := c.gate.Identify(r.Context(), s.TokenHash)
	if err != nil {
		return access.Identity{}, false
	}
	if now := c.now(); now.Sub(s.UsedAt) >= renewEvery {
		s.UsedAt = now
		if err := c.keep(w, s); err != nil {
			return access.Identity{}, false
		}
	}
	return who, true
}
