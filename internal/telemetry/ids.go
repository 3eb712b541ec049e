package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type spanKey struct{}

// WithSpanKey has the next span of a context be the same one wherever a span of that key is
// started: a workflow is run again from its history by whichever worker goes on with it, and
// its activities are children of one span all the same.
func WithSpanKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, spanKey{}, key)
}

// spanIDs are random, but for spans that have a key.
type spanIDs struct{}

var _ sdktrace.IDGenerator = spanIDs{}

// NewIDs implements [sdktrace.IDGenerator].
func (spanIDs) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	if key, ok := ctx.Value(spanKey{}).(string); ok {
		hash := sha256.Sum256([]byte(key))
		copy(id[:], hash[:16])
		copy(span[:], hash[16:24])
		return id, span
	}
	for !id.IsValid() {
		random(id[:8])
		random(id[8:])
	}
	return id, randomSpanID()
}

// NewSpanID implements [sdktrace.IDGenerator].
func (spanIDs) NewSpanID(ctx context.Context, _ trace.TraceID) (span trace.SpanID) {
	if key, ok := ctx.Value(spanKey{}).(string); ok {
		hash := sha256.Sum256([]byte(key))
		copy(span[:], hash[16:24])
		return span
	}
	return randomSpanID()
}

func randomSpanID() (span trace.SpanID) {
	for !span.IsValid() {
		random(span[:])
	}
	return span
}

// random fills eight bytes.
func random(into []byte) {
	binary.NativeEndian.PutUint64(into, rand.Uint64()) //nolint:gosec // tells spans apart, keeps no secret
}
