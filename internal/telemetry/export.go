package telemetry

import (
	"context"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// WithoutURLs is an exporter that lets no URL out: page tokens are in queries, meeting
// and org ids and the addresses of clients in paths. Of a URL the scheme, the host and the
// class of the path remain. It works on finished spans, because instrumentation adds
// attributes for as long as a span lives.
func WithoutURLs(next sdktrace.SpanExporter) sdktrace.SpanExporter { return redacting{next} }

type redacting struct{ sdktrace.SpanExporter }

// ExportSpans implements [sdktrace.SpanExporter].
func (e redacting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	redacted := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		redacted[i] = redactedSpan{span}
	}
	return e.SpanExporter.ExportSpans(ctx, redacted) //nolint:wrapcheck // it is the same exporter, with less to export
}

// redactedSpan is a span without what its URL names.
type redactedSpan struct{ sdktrace.ReadOnlySpan }

// Attributes implements [sdktrace.ReadOnlySpan].
func (s redactedSpan) Attributes() []attribute.KeyValue {
	kept := make([]attribute.KeyValue, 0, len(s.ReadOnlySpan.Attributes())+1)
	for _, attr := range s.ReadOnlySpan.Attributes() {
		switch attr.Key {
		case semconv.URLFullKey:
			u, err := url.Parse(attr.Value.AsString())
			if err != nil {
				continue
			}
			class := pathClass(u.EscapedPath())
			kept = append(kept, semconv.URLFull(u.Scheme+"://"+u.Host+class), semconv.URLTemplate(class))
		case semconv.URLPathKey:
			kept = append(kept, semconv.URLPath(pathClass(attr.Value.AsString())))
		case semconv.URLQueryKey, semconv.ClientAddressKey:
		default:
			kept = append(kept, attr)
		}
	}
	return kept
}

// pathClass is a path with everything in braces that is not a word of the APIs we call or
// serve. A word that is missing here costs readability, nothing else.
func pathClass(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if segment != "" && !known(segment) {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

func known(segment string) bool {
	switch segment {
	case "v1", "v2", "api", "oauth", "oauth2", "authorize", "token", "revoke", "self", "usage", "const", "me", // both APIs
		"metrics", "meetings", "participants", "qos", "users", "accounts", "report", // Zoom's
		"orgs", "sites", "stats", "insights", "insight_metrics", "client", "clients", "wired_clients", "device", "devices", "ports", "sessions", "search", // Mist's
		"org", "app", "callback", "pending", "setting", "link_accounts", "calls", "summary", "receipts", "gaps", "backfills", "audit", "webhooks", "codec", "decode", "encode", // ours
		"zoom", "teams", "console", "links", "linked", "unlink", "sign-in", "sign-out", "healthz", "readyz":
		return true
	}
	return false
}
