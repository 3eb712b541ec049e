package zoomwindow

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"callweave/internal/world"
)

const apiPrefix = "/v2/"

// call is one authenticated API request on its way to its endpoint.
type call struct {
	request  *http.Request
	query    url.Values
	account  *world.Account
	user     *world.Person
	injected *Injected // the fault that struck, or nil

	meetingID string // as the path names it, after decoding
	mangled   bool   // the path lost part of the id
	personID  string // a user's id, or a participant's
}

// endpoint is one operation of the API.
type endpoint struct {
	name     string
	category Category
	scopes   []string // any of them will do: classic and granular
	serve    func(*Window, *call) reply
}

// dashboardScopes are the scopes of a dashboard endpoint by Zoom's API reference: the
// classic one of all of them, then those of its own.
func dashboardScopes(own ...string) []string {
	return append([]string{"dashboard_meetings:read:admin"}, own...)
}

// userScopes are those of reading a user; reading oneself takes less.
func userScopes(more ...string) []string {
	return append([]string{"user:read:admin", "user:read", "user:read:user:admin", "user:read:user"}, more...)
}

// route finds the endpoint of an escaped path below /v2/ and fills in what the path
// names. Empty segments are dropped, as a "//" is on the way to Zoom.
func route(path string, c *call) (endpoint, bool) {
	segments := slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
	at := func(i int) string {
		if i < len(segments) {
			return segments[i]
		}
		return ""
	}
	if at(0) == "users" && len(segments) == 2 {
		c.personID = unescape(at(1))
		if c.personID == "me" {
			return endpoint{"GET /users/me", Light, userScopes("user_info:read"), (*Window).serveUser}, true
		}
		return endpoint{"GET /users/{userId}", Light, userScopes(), (*Window).serveUser}, true
	}
	if at(0) != "metrics" || at(1) != "meetings" {
		return endpoint{}, false
	}
	if len(segments) > 2 {
		c.meetingID, c.mangled = meetingIDOf(at(2))
	}
	const one = "GET /metrics/meetings/{meetingId}"
	switch {
	case len(segments) == 2:
		return endpoint{"GET /metrics/meetings", ResourceIntensive, dashboardScopes("dashboard:read:admin", "dashboard:read:list_meetings:admin"), (*Window).serveList}, true
	case len(segments) == 3:
		return endpoint{one, Heavy, dashboardScopes("dashboard:read:meeting:admin"), (*Window).serveMeeting}, true
	case len(segments) == 4 && at(3) == "participants":
		return endpoint{one + "/participants", Heavy, dashboardScopes("dashboard:read:list_meeting_participants:admin"), (*Window).serveParticipants}, true
	case len(segments) == 5 && at(3) == "participants" && at(4) == "qos":
		return endpoint{one + "/participants/qos", Heavy, dashboardScopes("dashboard:read:list_meeting_participants_qos:admin"), (*Window).serveQoS}, true
	case len(segments) == 6 && at(3) == "participants" && at(5) == "qos":
		c.personID = unescape(at(4))
		return endpoint{one + "/participants/{participantId}/qos", Heavy, dashboardScopes("dashboard:read:meeting_participant_qos:admin"), (*Window).serveOneQoS}, true
	}
	return endpoint{}, false
}

func unescape(segment string) string {
	plain, err := url.PathUnescape(segment)
	if err != nil {
		return segment
	}
	return plain
}

// serveAPI is everything below /v2/: who asks, what is left of the limits, faults,
// scopes, then the endpoint.
func (w *Window) serveAPI(rw http.ResponseWriter, r *http.Request) {
	c := &call{request: r, query: r.URL.Query()}
	path := r.URL.EscapedPath()
	e, ok := route(strings.TrimPrefix(path, apiPrefix), c)
	if !ok || r.Method != http.MethodGet {
		notFoundPath().write(rw)
		return
	}
	g, failure := w.authenticate(r)
	if failure != nil {
		w.ledger.add(countKey{"", e.category, e.name, failure.status})
		failure.write(rw)
		return
	}
	c.account, _ = w.account(g.AccountID)
	c.user, _, _ = w.admin(g.UserID)
	if w.cfg.Replies.Headers != HeadersNone {
		rw.Header().Set("X-Ratelimit-Category", string(e.category))
	}
	if refused := w.limits.take(g.AccountID, e.category, w.limitsOf(g.AccountID), w.cfg.Now()); refused != nil {
		w.ledger.add(countKey{g.AccountID, e.category, e.name, http.StatusTooManyRequests})
		w.refusalReply(refused).write(rw)
		return
	}
	s := subject{path: path, accountID: g.AccountID, meeting: c.meetingID, answered: func(status int) {
		w.ledger.add(countKey{g.AccountID, e.category, e.name, status})
	}}
	w.withFaults(rw, r, s, func(in *Injected) reply {
		c.injected = in
		if !slices.ContainsFunc(g.Scopes, func(s string) bool { return slices.Contains(e.scopes, s) }) {
			return missingScopes(e.scopes)
		}
		return e.serve(w, c)
	})
}

// bearer is what authenticate tells of a token.
type bearer struct {
	AccountID, UserID string
	Scopes            []string
}

// authenticate finds whose access token a request carries.
func (w *Window) authenticate(r *http.Request) (bearer, *reply) {
	fail := func(rep reply) (bearer, *reply) { return bearer{}, &rep }
	if r.URL.Query().Has("access_token") {
		return fail(accessTokenInQuery())
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return fail(invalidAccessToken())
	}
	s := w.oauth
	s.mu.Lock()
	defer s.mu.Unlock()
	g, issued, current := s.byAccess(token)
	switch {
	case g == nil, g.Dead != alive,
		w.settings.userRemoved(g.UserID),
		w.settings.appDisabled(g.ClientID),
		w.settings.approvalWithdrawn(g.ClientID, g.AccountID):
		return fail(invalidAccessToken())
	case !s.now().Before(issued.ExpiresAt):
		if current {
			return fail(accessTokenExpired())
		}
		return fail(invalidAccessToken())
	}
	return bearer{g.AccountID, g.UserID, slices.Clone(g.Scopes)}, nil
}

// dashboard refuses accounts whose plan has no dashboard, or that switched it off.
func (w *Window) dashboard(c *call) (AccountOptions, *reply) {
	options := w.settings.account(c.account.ID)
	if options.DashboardOff || options.Plan != PlanBusiness {
		rep := dashboardOff()
		return options, &rep
	}
	return options, nil
}
