package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

const (
	maxBody      = 1 << 20
	maxCodecBody = 8 << 20 // a page of a workflow's history
)

// note is what is known of a request beside the request itself.
type note struct {
	id    string
	orgID uuid.UUID
}

type noteKey struct{}

func requestID(ctx context.Context) string {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n.id
	}
	return ""
}

func noteOrg(ctx context.Context, org uuid.UUID) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.orgID = org
	}
}

// Wrap puts around a handler what every request of the starter gets: traces, an id,
// security headers, a bounded body, one line in the access log, and a panic's end. Logs and
// traces name the route's pattern, never the URL: its query may carry a code.
func Wrap(logger *slog.Logger, next http.Handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		n := &note{id: uuid.NewString()}
		answer := &recorder{ResponseWriter: w, status: http.StatusOK}
		setHeaders(w.Header(), n.id)
		limit := int64(maxBody)
		if r.URL.Path == decodePath || r.URL.Path == encodePath {
			limit = maxCodecBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		noted := r.WithContext(context.WithValue(r.Context(), noteKey{}, n))

		defer func() {
			if cause := recover(); cause != nil {
				if !broken(cause) {
					logPanic(logger, noted, n, cause)
				}
				if !answer.written {
					http.Error(answer, `{"detail":"Internal error. Request id: `+n.id+`"}`, http.StatusInternalServerError)
				}
				answer.status = http.StatusInternalServerError
				if broken(cause) {
					defer panic(http.ErrAbortHandler) // after the line in the access log
				}
			}
			r.Pattern = noted.Pattern // for the tracing around us, which holds the other copy
			attrs := []slog.Attr{
				slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("status", answer.status),
				slog.Float64("duration_ms", float64(time.Since(started).Microseconds())/1000), slog.String("request_id", n.id),
			}
			if n.orgID != uuid.Nil {
				attrs = append(attrs, slog.String("org_id", n.orgID.String()))
			}
			logger.LogAttrs(noted.Context(), slog.LevelInfo, "request", attrs...)
		}()
		next.ServeHTTP(answer, noted)
	})
	return otelhttp.NewHandler(inner, "http",
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithFilter(func(r *http.Request) bool { return routed(next, r) }))
}

// StrictTransport has browsers use TLS only for a year (RFC 6797), for where the public URL
// is https.
func StrictTransport(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}

// routed keeps requests that no route takes out of the traces: their paths are whatever
// somebody typed, pasted or scans for, and spans record paths.
func routed(next http.Handler, r *http.Request) bool {
	router, ok := next.(*http.ServeMux)
	if !ok {
		return true
	}
	_, pattern := router.Handler(r)
	return pattern != "" && pattern != "/" // the catch-all answers 404
}

// broken reports whether a handler gave up an answer that it had begun: whoever reads it must
// not take what came for the whole.
func broken(cause any) bool {
	err, ok := cause.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// logPanic logs where it happened. Not what was panicked with, unless it is the runtime's
// own: that may hold anything.
func logPanic(logger *slog.Logger, r *http.Request, n *note, cause any) {
	text := "a value that is not shown"
	if err, ok := cause.(runtime.Error); ok {
		text = err.Error()
	}
	logger.ErrorContext(r.Context(), "panic", "route", r.Pattern, "request_id", n.id, "error", text, "stack", string(debug.Stack()))
}

func setHeaders(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status  int
	written bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(body []byte) (int, error) {
	r.written = true
	return r.ResponseWriter.Write(body)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
