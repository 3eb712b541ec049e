package temporalclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/telemetry"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

// kept outlives the end of tracing.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

// lines is a log that many write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tracedClient is a client whose traces are kept.
type tracedClient struct {
	client    client.Client
	telemetry *telemetry.Telemetry
	spans     *tracetest.InMemoryExporter
	log       *lines
}

// traced sets up telemetry for the whole process: such tests do not run beside others.
func traced(t *testing.T) tracedClient {
	t.Helper()
	exporter := uuid.NewString() // none is registered twice
	b := tracedClient{spans: tracetest.NewInMemoryExporter(), log: &lines{}}
	autoexport.RegisterSpanExporter(exporter, func(context.Context) (sdktrace.SpanExporter, error) { return kept{b.spans}, nil })
	t.Setenv("OTEL_TRACES_EXPORTER", exporter)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	var err error
	if b.telemetry, err = telemetry.Start(t.Context(), "test", slog.LevelInfo, io.Discard); err != nil {
		t.Fatal(err)
	}
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	namespace := testenv.Temporal(t)
	b.client, err = temporalclient.Dial(t.Context(), client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}, master,
		telemetry.NewLogger(b.log, slog.LevelInfo))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.client.Close)
	return b
}

// A worker that goes on with a workflow runs it again from its history. What the workflow
// did before and after has one and the same parent; a run of a schedule has none, and says
// which schedule it is of. Log lines carry the ids under the names of all our logs.
func TestTracesSurviveAnotherWorker(t *testing.T) { //nolint:paralleltest // see traced
	b := traced(t)
	c, log := b.client, b.log
	worker := sdkworker.New(c, "q", sdkworker.Options{})
	reached := make(chan struct{}, 1)
	worker.RegisterActivityWithOptions(func(ctx context.Context) error {
		activity.GetLogger(ctx).Info("at work")
		reached <- struct{}{}
		return nil
	}, activity.RegisterOptions{Name: "Work"})
	worker.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: testenv.Patience})
		if err := workflow.ExecuteActivity(ctx, "Work").Get(ctx, nil); err != nil {
			return err
		}
		workflow.GetSignalChannel(ctx, "go-on").Receive(ctx, nil)
		return workflow.ExecuteActivity(ctx, "Work").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "Twice"})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Stop()

	schedule, err := c.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: "daily", Action: &client.ScheduleWorkflowAction{ID: "run", Workflow: "Twice", TaskQueue: "q"}, TriggerImmediately: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	sdkworker.PurgeStickyWorkflowCache() // as if its worker were gone
	described, err := schedule.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := described.Info.RecentActions[0].StartWorkflowResult.WorkflowID
	if err := c.SignalWorkflow(t.Context(), run, "", "go-on", nil); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := c.GetWorkflow(t.Context(), run, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	worker.Stop()
	if err := b.telemetry.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkOneTrace(t, b.spans.GetSpans())
	for line := range strings.Lines(log.String()) { // pollers may still write
		var said map[string]any
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatal(err)
		}
		if said["msg"] == "at work" {
			if id, _ := said["trace_id"].(string); len(id) != 32 || said["TraceID"] != nil {
				t.Errorf("logged %s", line)
			}
			return
		}
	}
	t.Errorf("the activity logged nothing: %s", log.String())
}

func checkOneTrace(t *testing.T, spans tracetest.SpanStubs) {
	t.Helper()
	var names []string
	ids := map[string]bool{}
	for _, span := range spans {
		names = append(names, span.Name)
		if span.Name != "RunWorkflow:Twice" {
			continue
		}
		ids[span.SpanContext.SpanID().String()] = true
		if span.Parent.IsValid() {
			t.Error("a run of a schedule has a parent")
		}
		said := slices.ContainsFunc(span.Attributes, func(a attribute.KeyValue) bool { return a.Key == "temporalScheduleID" && a.Value.AsString() == "daily" })
		if !said {
			t.Errorf("the run does not name its schedule: %v", span.Attributes)
		}
	}
	if len(ids) != 1 {
		t.Fatalf("the workflow's spans have %d ids in %v", len(ids), names)
	}
	for _, name := range []string{"StartActivity:Work", "RunActivity:Work"} {
		found := 0
		for _, span := range spans {
			if span.Name != name {
				continue
			}
			found++
			if name == "StartActivity:Work" && !ids[span.Parent.SpanID().String()] {
				t.Errorf("%s has the parent %s", name, span.Parent.SpanID())
			}
		}
		if found != 2 {
			t.Errorf("%d spans %s in %v", found, name, names)
		}
	}
}
