// Package health answers whoever watches a program: /healthz (restart it?), /readyz
// (send it work?) and /metrics.
package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"callweave/internal/access"
)

// Check reports whether a part that the program needs answers.
type Check func(context.Context) error

// patience is how long a check may take: less than the second or two after which
// orchestrators give up by default would hide nothing but the reason.
const patience = 3 * time.Second

// Register adds the three routes. Whoever asks /readyz learns which part is missing, not
// where it is: the log has that. metrics may be nil.
func Register(mux access.Mux, logger *slog.Logger, ready map[string]Check, metrics http.Handler) {
	const probed = "probes have no token, and the answer names no part of anybody's data"
	mux.Handle("GET /healthz", access.Public(probed, func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, map[string]string{"status": "ok"})
	}))
	mux.Handle("GET /readyz", access.Public(probed, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		status, parts := http.StatusOK, make(map[string]string, len(ready))
		for name, check := range ready {
			parts[name] = "ok"
			if err := check(ctx); err != nil {
				logger.WarnContext(ctx, "not ready", "part", name, "error", err)
				status, parts[name] = http.StatusServiceUnavailable, "unavailable"
			}
		}
		write(w, status, parts)
	}))
	if metrics != nil {
		mux.Handle("GET /metrics", access.Public("counts and durations, by no org", metrics.ServeHTTP))
	}
}

func write(w http.ResponseWriter, status int, body map[string]string) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "unreadable", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // whoever asked has gone
}
