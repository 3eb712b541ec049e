package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// failure is an answer that is not the wanted one. Its bodies are Mist's, letter by
// letter, because clients of that API compare them.
type failure struct {
	status     int
	detail     string
	id         string // of what was not found
	retryAfter time.Duration
}

func (f *failure) Error() string { return fmt.Sprintf("status %d: %s", f.status, f.detail) }

func badRequest(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, detail: fmt.Sprintf(format, args...)}
}

func unauthorized() *failure {
	return &failure{status: http.StatusUnauthorized, detail: "Authentication credentials were not provided."}
}

func forbidden() *failure {
	return &failure{status: http.StatusForbidden, detail: "You do not have permission to perform this action."}
}

// notFound is the answer for what does not exist and for what is another org's: nobody
// can tell one from the other.
func notFound(id string) *failure { return &failure{status: http.StatusNotFound, id: id} }

func tooMany(limit int, wait time.Duration) *failure {
	return &failure{
		status:     http.StatusTooManyRequests,
		detail:     fmt.Sprintf("Too Many Request. The API Token used for the request reached the %d API Calls per hour threshold", limit),
		retryAfter: wait,
	}
}

func unavailable(detail string) *failure {
	return &failure{status: http.StatusServiceUnavailable, detail: detail, retryAfter: 5 * time.Second}
}

// writeError is the one writer of answers that are not the wanted ones.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	var known *failure
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known):
	case errors.As(err, &tooLarge):
		known = &failure{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The body is larger than %d bytes.", tooLarge.Limit)}
	default:
		s.logger.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "request_id", requestID(r.Context()), "error", err)
		known = &failure{status: http.StatusInternalServerError, detail: "Internal error. Request id: " + requestID(r.Context())}
	}
	if known.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(known.retryAfter.Seconds()))))
	}
	body := map[string]string{"detail": known.detail}
	if known.status == http.StatusNotFound {
		body = map[string]string{}
		if known.id != "" {
			body["id"] = known.id
		}
	}
	s.writeJSON(w, r, known.status, body)
}

func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // URLs stay readable; the content type keeps browsers from reading it as HTML
	if err := encoder.Encode(body); err != nil {
		s.logger.ErrorContext(r.Context(), "reply was not written", "route", r.Pattern, "error", err)
		http.Error(w, `{"detail":"Internal error."}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client went away: nobody is left to tell
}
