package mistwindow

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/world"
)

// token is an API token. Its calls are counted by the hour of the clock: the
// reference speaks of requests "in the current hour".
type token struct {
	org     uuid.UUID
	revoked bool
	hour    time.Time
	calls   int // in hour
	total   int
}

// Refusals, as the cloud words them.
var (
	errNoToken   = refusal{status: http.StatusUnauthorized, detail: "Authentication credentials were not provided."}
	errBadToken  = refusal{status: http.StatusUnauthorized, detail: "Invalid token."}
	errForbidden = refusal{status: http.StatusForbidden, detail: "You do not have permission to perform this action."}
	errNoPath    = refusal{status: http.StatusNotFound}
)

type refusal struct {
	status int
	detail string
	id     string // of what was not found
	wait   time.Duration
}

func (r refusal) Error() string { return strconv.Itoa(r.status) + " " + r.detail }

func badRequest(detail string) refusal {
	return refusal{status: http.StatusBadRequest, detail: detail}
}

func (w *Window) refuse(rw http.ResponseWriter, err error) {
	var r refusal
	if !errors.As(err, &r) {
		r = refusal{status: http.StatusInternalServerError, detail: "internal error"}
	}
	body := map[string]string{}
	switch {
	case r.detail != "":
		body["detail"] = r.detail
	case r.id != "":
		body["id"] = r.id
	}
	if r.wait > 0 && w.retryAfter {
		rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.wait.Seconds()))))
	}
	reply(rw, r.status, body)
}

// Issue makes a token of an org.
func (w *Window) Issue(org uuid.UUID) string {
	value := rand.Text() + rand.Text()
	w.admit(value, org)
	return value
}

func (w *Window) admit(value string, org uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens[value] = &token{org: org}
	w.issued = append(w.issued, value)
}

// Revoke makes a token invalid from now on.
func (w *Window) Revoke(value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if tok, ok := w.tokens[value]; ok {
		tok.revoked = true
	}
}

// Issued returns every token there ever was, revoked ones included, so that a test
// can look for them where no token may be.
func (w *Window) Issued() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.issued)
}

// Calls returns how many calls were made with a token, refused ones included.
func (w *Window) Calls(value string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if tok, ok := w.tokens[value]; ok {
		return tok.total
	}
	return 0
}

// authenticate finds the token and counts the call.
func (w *Window) authenticate(r *http.Request, now time.Time) (*token, error) {
	header := r.Header.Get("Authorization")
	value, ok := strings.CutPrefix(header, "Token ")
	if !ok {
		return nil, errNoToken
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	tok, ok := w.tokens[value]
	if !ok || tok.revoked {
		return nil, errBadToken
	}
	tok.total++
	if hour := now.Truncate(time.Hour); !hour.Equal(tok.hour) {
		tok.hour, tok.calls = hour, 0
	}
	if tok.calls >= w.limit {
		return nil, refusal{
			status: http.StatusTooManyRequests, wait: tok.hour.Add(time.Hour).Sub(now),
			detail: fmt.Sprintf("Too Many Request. The API Token used for the request reached the %d API Calls per hour threshold", w.limit),
		}
	}
	tok.calls++
	return tok, nil
}

// authorize resolves the org or site of the path. What belongs to another org is
// forbidden; what is nowhere is not found.
func (w *Window) authorize(r *request) error {
	org, ok := w.world.Org(r.token.org)
	if !ok {
		return errForbidden
	}
	r.org = org
	if text := r.PathValue("org"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil || id != org.ID {
			return errForbidden
		}
		for _, site := range org.Sites {
			if !w.gone(site) {
				r.sites = append(r.sites, site)
			}
		}
	}
	if text := r.PathValue("site"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return refusal{status: http.StatusNotFound, id: text}
		}
		site, ok := w.world.Site(id)
		switch {
		case !ok || w.gone(site):
			return refusal{status: http.StatusNotFound, id: text}
		case site.Org != org:
			return errForbidden
		}
		r.sites = []*world.Site{site}
	}
	return nil
}

func (w *Window) gone(site *world.Site) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.removed[site.ID]
}
