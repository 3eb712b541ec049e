package mist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"callweave/internal/network"
)

// DefaultRetryDelay is how long to wait after a refusal for exhausted calls when the
// cloud does not say. The budget is counted per hour of the clock, and asking once a
// minute costs little of the next one.
const DefaultRetryDelay = time.Minute

// Error is a request that failed. Its text holds the operation and the status, and
// neither the URL nor the answer: these may hold addresses and names.
type Error struct {
	Operation string // e.g. "list sites"
	Status    int    // HTTP status; 0 where no answer came
	class     network.Class
	delay     time.Duration
	cause     error
}

// Error is e.g. "mist: list sites: rate_limited (status 429)".
func (e *Error) Error() string {
	text := fmt.Sprintf("mist: %s: %s", e.Operation, e.class)
	if e.Status != 0 {
		text += fmt.Sprintf(" (status %d)", e.Status)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// Class says what to do about the error.
func (e *Error) Class() network.Class { return e.class }

// RetryAfter is how long to wait before the next request; 0 unless rate limited.
func (e *Error) RetryAfter() time.Duration { return e.delay }

// statusError classifies an answer other than 200. Mist answers 404 for a site that
// is gone as well as for a path it does not know.
func statusError(operation string, resp *http.Response, now time.Time) *Error {
	e := &Error{Operation: operation, Status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		e.class = network.Unauthorized
	case code == http.StatusForbidden:
		e.class = network.Forbidden
	case code == http.StatusNotFound || code == http.StatusGone:
		e.class = network.NotFound
	case code == http.StatusTooManyRequests:
		e.class, e.delay = network.RateLimited, retryAfter(resp.Header.Get("Retry-After"), now)
	case code == http.StatusRequestTimeout || code >= 500:
		e.class = network.Transient
	default:
		e.class = network.Misconfigured
	}
	return e
}

// retryAfter reads both forms of RFC 9110, section 10.2.3.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return DefaultRetryDelay
}

// transportError classifies a request that got no answer. A cancelled context stays
// what it is.
func transportError(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("mist: %s: %w", operation, ctx.Err())
	}
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err
	}
	return &Error{Operation: operation, class: network.Transient, cause: err}
}

// errUnreadable stands for a decoding error, whose text may quote the answer.
var errUnreadable = errors.New("answer is not of the expected form")

func malformed(operation string, status int, cause error) *Error {
	return &Error{Operation: operation, Status: status, class: network.Malformed, cause: cause}
}
