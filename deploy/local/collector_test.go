package main

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes the traces of the programs, as an OpenTelemetry collector does.
type collector struct {
	url   string
	mu    sync.Mutex
	raw   []byte
	spans map[string][]*tracepb.Span // by trace
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{spans: map[string][]*tracepb.Span{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var request collectorpb.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			t.Errorf("an export that nobody can read: %v", err)
		}
		c.take(body, &request)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// env has a program export to the collector.
func (c *collector) env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_EXPORTER_OTLP_COMPRESSION=none",
	}
}

func (c *collector) take(body []byte, request *collectorpb.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, of := range request.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				id := hex.EncodeToString(span.GetTraceId())
				c.spans[id] = append(c.spans[id], span)
			}
		}
	}
}

func (c *collector) received() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.raw...)
}

// traces returns all traces.
func (c *collector) traces() []trace {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]trace, 0, len(c.spans))
	for _, spans := range c.spans {
		all = append(all, append(trace(nil), spans...))
	}
	return all
}

type trace []*tracepb.Span

// path is the names of a span and of what it is part of, up to the root; whole is false
// where a parent is missing.
func (tr trace) path(span *tracepb.Span) (names []string, whole bool) {
	for range len(tr) + 1 {
		names = append(names, span.GetName())
		if len(span.GetParentSpanId()) == 0 {
			return names, true
		}
		if span = tr.parent(span); span == nil {
			return names, false
		}
	}
	return names, false
}

// root is where the path of a whole span ends.
func (tr trace) root(span *tracepb.Span) *tracepb.Span {
	for range tr {
		if parent := tr.parent(span); parent != nil {
			span = parent
		}
	}
	return span
}

// parent is nil where there is none.
func (tr trace) parent(span *tracepb.Span) (found *tracepb.Span) {
	for _, other := range tr {
		if len(span.GetParentSpanId()) > 0 && string(other.GetSpanId()) == string(span.GetParentSpanId()) {
			found = other
		}
	}
	return found
}

func attributeOf(span *tracepb.Span, key string) string {
	for _, attr := range span.GetAttributes() {
		if attr.GetKey() == key {
			return attr.GetValue().GetStringValue()
		}
	}
	return ""
}
