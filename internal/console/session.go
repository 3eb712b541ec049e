package console

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"callweave/internal/access"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
)

// sessionLife ends a session however busy it is: a working day.
const sessionLife = 12 * time.Hour

// session is what the cookie holds, sealed: not the token but its hash, so that a revoked
// token ends its sessions too.
type session struct {
	TokenHash []byte    `json:"token_hash"`
	ExpiresAt time.Time `json:"expires_at"`
}

// cookieName has the prefix with which browsers refuse a cookie that was not set by this
// very host over TLS (RFC 6265bis section 4.1.3).
func (c *Console) cookieName() string {
	if c.secure {
		return "__Host-callweave"
	}
	return "callweave"
}

func (c *Console) signIn(w http.ResponseWriter, token secret.Text) error {
	plain, err := json.Marshal(session{TokenHash: store.HashToken(token), ExpiresAt: time.Now().Add(sessionLife)})
	if err != nil {
		return fmt.Errorf("make session: %w", err)
	}
	sealed, err := c.master.Seal(vault.PurposeSession, plain)
	if err != nil {
		return err
	}
	http.SetCookie(w, c.cookie(base64.RawURLEncoding.EncodeToString(sealed), int(sessionLife.Seconds())))
	return nil
}

func (c *Console) signOut(w http.ResponseWriter) { http.SetCookie(w, c.cookie("", -1)) }

func (c *Console) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever PUBLIC_URL is https
		Name: c.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteStrictMode,
	}
}

// identify returns who is signed in. Any doubt is nobody.
func (c *Console) identify(r *http.Request) (access.Identity, bool) {
	cookie, err := r.Cookie(c.cookieName())
	if err != nil {
		return access.Identity{}, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return access.Identity{}, false
	}
	plain, err := c.master.Open(vault.PurposeSession, sealed)
	if err != nil {
		return access.Identity{}, false
	}
	var s session
	if err := json.Unmarshal(plain, &s); err != nil || !s.ExpiresAt.After(time.Now()) {
		return access.Identity{}, false
	}
	who, err := c.gate.Identify(r.Context(), s.TokenHash)
	return who, err == nil
}
