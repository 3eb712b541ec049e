package health_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callweave/internal/health"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	var broken error
	var logged bytes.Buffer
	mux := http.NewServeMux()
	health.Register(mux, slog.New(slog.NewTextHandler(&logged, nil)), map[string]health.Check{
		"database": func(context.Context) error { return broken },
		"temporal": func(context.Context) error { return nil },
	}, nil)
	ask := func(path string) *httptest.ResponseRecorder {
		reply := httptest.NewRecorder()
		mux.ServeHTTP(reply, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return reply
	}

	server := httptest.NewServer(mux)
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if got := ask("/readyz"); got.Code != http.StatusOK {
		t.Errorf("all parts answer: %d %s", got.Code, got.Body)
	}
	for _, addr := range []string{"127.0.0.1:" + port, ":" + port, "0.0.0.0:" + port} {
		if err := health.Probe(t.Context(), addr); err != nil {
			t.Errorf("all parts answer: probing %s: %v", addr, err)
		}
	}
	broken = errors.New("connect to 10.0.0.7: refused")
	got := ask("/readyz")
	if got.Code != http.StatusServiceUnavailable || !strings.Contains(got.Body.String(), `"database":"unavailable"`) {
		t.Errorf("a part is gone: %d %s", got.Code, got.Body)
	}
	if err := health.Probe(t.Context(), ":"+port); err == nil || !strings.Contains(err.Error(), "database") {
		t.Errorf("a part is gone: probing: %v", err)
	}
	if strings.Contains(got.Body.String(), "10.0.0.7") || !strings.Contains(logged.String(), "10.0.0.7") {
		t.Errorf("the reason belongs into the log only: reply %s, log %s", got.Body, &logged)
	}
	if got := ask("/healthz"); got.Code != http.StatusOK {
		t.Errorf("a part that is gone is no reason to restart: %d", got.Code)
	}
}
