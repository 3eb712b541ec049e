package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"callweave/internal/telemetry"
)

func TestLogsCarryTheTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	telemetry.NewLogger(&out, slog.LevelInfo).With("account_id", "a").InfoContext(ctx, "hello")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["trace_id"] != "01000000000000000000000000000000" || line["span_id"] != "0200000000000000" || line["account_id"] != "a" {
		t.Errorf("got %v", line)
	}
}

//nolint:paralleltest // it sets the process's global providers
func TestMetricsAreServed(t *testing.T) {
	set, err := telemetry.Start(t.Context(), "test", slog.LevelInfo, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	counter, err := otel.Meter("test").Int64Counter("callweave_test")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 3)
	reply := httptest.NewRecorder()
	set.Metrics.ServeHTTP(reply, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if !strings.Contains(reply.Body.String(), "callweave_test_total") {
		t.Errorf("the counter is missing in:\n%s", reply.Body.String())
	}
	if err := set.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
