package api

import (
	"context"
	"net/http"
	"time"
)

// healthz says that the process answers: nothing that a restart would not mend.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, r, http.StatusOK, map[string]string{"status": "ok"})
}

const readyPatience = 3 * time.Second

// readyz says whether requests can be served. Whoever asks learns which part is missing,
// not where it is: the log has that.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
	defer cancel()
	status, parts := http.StatusOK, map[string]string{}
	for name, check := range s.ready {
		parts[name] = "ok"
		if err := check(ctx); err != nil {
			s.logger.WarnContext(ctx, "not ready", "part", name, "error", err)
			status, parts[name] = http.StatusServiceUnavailable, "unavailable"
		}
	}
	s.writeJSON(w, r, status, parts)
}
