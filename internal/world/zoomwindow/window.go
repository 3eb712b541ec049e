// Package zoomwindow shows a simulated world as Zoom does: OAuth with a consent page,
// the dashboard API and outgoing webhooks, as strict as the real service is known to
// be. Where public sources contradict each other the choice is in [Config].
//
// A [Window] is an http.Handler for the paths /oauth/ and /v2/ and, for tests and
// demonstrations, /_world/. Serve it directly: http.ServeMux cleans "//" out of
// paths, and what Zoom does with a meeting's UUID in a path would be lost.
package zoomwindow

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"callweave/internal/world"
)

// meetingSource is what the window needs of a [world.World].
type meetingSource interface {
	MeetingsStarting(a *world.Account, from, to time.Time) []*world.Meeting
	MeetingsEnding(a *world.Account, from, to time.Time) []*world.Meeting
	MeetingByUUID(a *world.Account, uuid [16]byte) (*world.Meeting, bool)
	Minutes(l *world.Leg) []world.Minute
}

// Window is a Zoom of its own: every Window has its own tokens, quotas and faults.
// It is safe for concurrent use.
type Window struct {
	Faults *Faults

	cfg      Config
	accounts []*world.Account
	meetings meetingSource

	oauth    *oauthState
	limits   *limiter
	pages    *pageTokens
	ledger   *ledger
	settings *settings
	people   *people
	webhooks *http.Client
	tracking atomic.Int64
}

// New makes a window over w.
func New(w *world.World, cfg Config) *Window { return newWindow(w.Accounts, w, cfg) }

func newWindow(accounts []*world.Account, meetings meetingSource, cfg Config) *Window {
	cfg = cfg.withDefaults()
	return &Window{
		Faults:   newFaults(),
		cfg:      cfg,
		accounts: accounts,
		meetings: meetings,
		oauth:    newOAuthState(cfg),
		limits:   newLimiter(),
		pages:    newPageTokens(cfg.Now),
		ledger:   newLedger(),
		settings: newSettings(cfg),
		people:   newPeople(),
		webhooks: &http.Client{
			Timeout:   webhookTimeout,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		},
	}
}

// ServeHTTP answers as zoom.us (/oauth/) and api.zoom.us (/v2/) would.
func (w *Window) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("X-Zm-Trackingid", fmt.Sprintf("v=2.0;clid=us06;rid=WEB_%032x", w.tracking.Add(1)))
	switch path := r.URL.EscapedPath(); {
	case path == "/oauth/authorize":
		w.serveAuthorize(rw, r)
	case path == "/oauth/token":
		w.serveToken(rw, r)
	case path == "/oauth/revoke":
		w.serveRevoke(rw, r)
	case strings.HasPrefix(path, apiPrefix):
		w.serveAPI(rw, r)
	case strings.HasPrefix(path, controlPrefix):
		w.serveControl(rw, r)
	default:
		notFoundPath().write(rw)
	}
}

func (w *Window) account(id string) (*world.Account, bool) {
	for _, a := range w.accounts {
		if a.ID == id {
			return a, true
		}
	}
	return nil, false
}

// admin finds an account's admin by user id.
func (w *Window) admin(userID string) (*world.Person, *world.Account, bool) {
	for _, a := range w.accounts {
		for _, p := range a.Admins {
			if p.ZoomUserID == userID {
				return p, a, true
			}
		}
	}
	return nil, nil, false
}
