// Package telemetry sets up logs, traces and metrics once per program: slog in JSON on
// standard error with trace ids, OpenTelemetry traces to wherever the standard OTEL_*
// variables say, and metrics for Prometheus.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// Telemetry is a running set-up.
type Telemetry struct {
	Logger  *slog.Logger
	Metrics http.Handler // Prometheus text format
	stop    []func(context.Context) error
}

// Start sets up telemetry for a program and makes its providers the global ones, which
// the instrumented libraries use. Logs go to out.
func Start(ctx context.Context, program string, level slog.Level, out io.Writer) (*Telemetry, error) {
	t := &Telemetry{Logger: NewLogger(out, level).With("program", program)}

	described, err := resource.Merge(resource.Default(), resource.NewSchemaless(semconv.ServiceName("callweave-"+program)))
	if err != nil {
		return nil, fmt.Errorf("describe the program to OpenTelemetry: %w", err)
	}

	if tracesWanted() {
		spans, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("export traces: %w", err)
		}
		tracing := sdktrace.NewTracerProvider(
			sdktrace.WithBatcher(WithoutURLs(spans)), sdktrace.WithResource(described), sdktrace.WithIDGenerator(spanIDs{}))
		otel.SetTracerProvider(tracing)
		t.stop = append(t.stop, tracing.Shutdown)
	}
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		return nil, fmt.Errorf("export metrics: %w", err)
	}
	metering := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(described), metric.WithView(inSeconds(), ofNoHost()))
	otel.SetMeterProvider(metering)
	t.stop = append(t.stop, metering.Shutdown)
	t.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { t.Logger.WarnContext(ctx, "telemetry", "error", err) }))
	return t, nil
}

// Stop flushes what is not exported yet.
func (t *Telemetry) Stop(ctx context.Context) error {
	var problems []error
	for _, stop := range t.stop {
		problems = append(problems, stop(ctx))
	}
	return errors.Join(problems...)
}

// tracesWanted keeps tracing silent where nobody asked for it: the exporter's own default
// is a collector on this machine.
func tracesWanted() bool {
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// NewLogger logs JSON lines with the ids of the trace that the context is in.
func NewLogger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(traced{slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})})
}

// traced adds trace_id and span_id to every record.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // it is the same handler, with two more attributes
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// inSeconds gives the latencies of Temporal's SDK bounds of use: it measures in seconds and
// names none, and OpenTelemetry's default bounds are made for milliseconds.
func inSeconds() metric.View {
	return metric.NewView(
		metric.Instrument{Name: "temporal_*", Kind: metric.InstrumentKindHistogram},
		metric.Stream{Aggregation: metric.AggregationExplicitBucketHistogram{Boundaries: []float64{
			0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800,
		}}},
	)
}

// ofNoHost takes from the metrics of requests to us what the request says of our address:
// whoever asks may write any, and each would be a series.
func ofNoHost() metric.View {
	return metric.NewView(
		metric.Instrument{Name: "http.server.*"},
		metric.Stream{AttributeFilter: attribute.NewDenyKeysFilter(semconv.ServerAddressKey, semconv.ServerPortKey)},
	)
}
