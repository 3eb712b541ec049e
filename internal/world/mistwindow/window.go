// Package mistwindow shows the simulated world through HTTP as the Juniper Mist cloud
// shows its networks: the device data of sites, clients, sessions, devices, ports and
// insights, with the cloud's tokens, limits, pagination and gaps, as strictly as the
// real one.
//
// Where the public reference leaves a choice, the comment says what was chosen.
package mistwindow

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"callweave/internal/world"
)

// DefaultCallsPerHour is the limit of a token (Juniper Mist, "REST API HTTP Response
// Codes", status 429).
const DefaultCallsPerHour = 5000

// Config configures a [Window].
type Config struct {
	// Now is the world's clock; nil means the system's.
	Now func() time.Time
	// Tokens are valid from the start, each with its org; more come from Issue.
	Tokens map[string]uuid.UUID
	// CallsPerHour is the limit per token; 0 means DefaultCallsPerHour.
	CallsPerHour int
	// RetryAfter makes refusals for exhausted calls say when to come back. The
	// reference does not promise it.
	RetryAfter bool
}

// Window is the Mist cloud of a world. It is safe for concurrent use.
type Window struct {
	world      *world.World
	clock      func() time.Time
	limit      int
	retryAfter bool
	mux        *http.ServeMux

	mu      sync.Mutex
	tokens  map[string]*token
	issued  []string
	faults  []*Fault
	removed map[uuid.UUID]bool
	skew    time.Duration
}

var _ http.Handler = (*Window)(nil)

// New returns the Mist cloud of w.
func New(w *world.World, cfg Config) *Window {
	win := &Window{
		world: w, clock: cfg.Now, limit: cfg.CallsPerHour, retryAfter: cfg.RetryAfter,
		tokens: map[string]*token{}, removed: map[uuid.UUID]bool{},
	}
	if win.clock == nil {
		win.clock = time.Now
	}
	if win.limit == 0 {
		win.limit = DefaultCallsPerHour
	}
	for value, org := range cfg.Tokens {
		win.admit(value, org)
	}
	win.routes()
	return win
}

func (w *Window) routes() {
	w.mux = http.NewServeMux()
	handle := func(path string, h func(*request) (any, error)) {
		w.mux.HandleFunc("GET /api/v1/"+path, func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, h) })
	}
	handle("self", w.self)
	handle("self/usage", w.usage)
	handle("const/insight_metrics", w.insightMetrics)
	handle("orgs/{org}/sites", w.sites)
	handle("sites/{site}", w.site)
	handle("orgs/{org}/stats/devices", w.devices)
	handle("sites/{site}/stats/devices", w.devices)
	handle("sites/{site}/stats/clients", w.clientStats)
	for _, scope := range []string{"orgs/{org}/", "sites/{site}/"} {
		handle(scope+"clients/search", w.clientSearch)
		handle(scope+"clients/sessions/search", w.sessionSearch)
		handle(scope+"wired_clients/search", w.wiredSearch)
		handle(scope+"stats/ports/search", w.portSearch)
	}
	handle("orgs/{org}/stats/vpn_peers/search", w.vpnPeerSearch)
	handle("sites/{site}/insights/{metric}", w.siteInsight)
	handle("sites/{site}/insights/client/{mac}/{metric}", w.clientInsight)
	handle("sites/{site}/insights/device/{mac}/{metric}", w.deviceInsight)
}

// request is an admitted request.
type request struct {
	*http.Request
	now    time.Time
	token  *token
	org    *world.Org
	sites  []*world.Site // that the path speaks of: the one, or all of the org
	header http.Header   // of the reply
}

// ServeHTTP answers as the cloud does. A path it does not know is 404 with an empty
// object, after authentication.
func (w *Window) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
	if fault := w.faultFor(r); fault != nil && fault.act(rw, r) {
		return
	}
	if _, pattern := w.mux.Handler(r); pattern == "" {
		w.serve(rw, r, func(*request) (any, error) { return nil, errNoPath })
		return
	}
	w.mux.ServeHTTP(rw, r)
}

func (w *Window) serve(rw http.ResponseWriter, r *http.Request, h func(*request) (any, error)) {
	now := w.now()
	tok, err := w.authenticate(r, now)
	var body any
	if err == nil {
		req := &request{Request: r, now: now, token: tok, header: rw.Header()}
		if err = w.authorize(req); err == nil {
			body, err = h(req)
		}
	}
	if err != nil {
		w.refuse(rw, err)
		return
	}
	reply(rw, http.StatusOK, body)
}

func reply(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(rw).Encode(body) //nolint:errchkjson // only types of this package are sent
}

// now is the cloud's clock.
func (w *Window) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock().Add(w.skew)
}
