package zoomwindow

import "net/http"

// serveRevoke is POST /oauth/revoke: it takes an access token, and the whole pair
// is dead at once.
func (w *Window) serveRevoke(rw http.ResponseWriter, r *http.Request) {
	client, failure := w.oauthForm(r)
	s := subject{path: r.URL.EscapedPath()}
	if failure == nil {
		s.accountID = w.accountOfForm(r)
	}
	w.withFaults(rw, r, s, func(*Injected) reply {
		if failure != nil {
			return *failure
		}
		defer w.cfg.Changed()
		return w.revoke(client, r.PostForm.Get("token"))
	})
}

func (w *Window) revoke(client Client, token string) reply {
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	g, issued, _ := s.byAccess(token)
	if g == nil || g.ClientID != client.ID || g.Dead != alive || !s.now().Before(issued.ExpiresAt) {
		return w.tokenErrorReply(deadToken())
	}
	g.Dead = causeRevoked
	return jsonReply(http.StatusOK, map[string]string{"status": "success"})
}
