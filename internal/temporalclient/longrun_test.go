package temporalclient_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/testenv"
	"callweave/workflows"
)

// paths are the names of all spans that are exported and of what each is part of, up to its
// root; "?" stands for a parent that is not there.
func paths(spans tracetest.SpanStubs) map[string]tracetest.SpanStub {
	found := map[string]tracetest.SpanStub{}
	for _, span := range spans {
		path := []string{span.Name}
		for at := span; at.Parent.IsValid(); {
			i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.SpanContext.SpanID() == at.Parent.SpanID() })
			if i < 0 {
				path = append(path, "?")
				break
			}
			at = spans[i]
			path = append(path, at.Name)
		}
		found[strings.Join(path, " < ")] = span
	}
	return found
}

// watcher is a workflow that lives like a Link: it looks, and waits for long.
func watcher(ctx workflow.Context, continued bool) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: testenv.Patience})
	signals := 0
	workflow.Go(ctx, func(ctx workflow.Context) {
		for workflow.GetSignalChannel(ctx, "look").Receive(ctx, nil) {
			signals++
		}
	})
	for seen := 0; ; seen++ {
		if err := workflow.ExecuteActivity(ctx, "Look", seen).Get(ctx, nil); err != nil {
			return err
		}
		if seen == 2 && !continued {
			return workflow.NewContinueAsNewError(ctx, workflows.LinkWorkflow, true)
		}
		if _, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: time.Hour}, func() bool { return signals > seen }); err != nil {
			return err
		}
		if continued {
			return errors.New("it ends")
		}
	}
}

// What a workflow does that lives for months is seen when it is done: in whole traces, of
// which each look is one, whoever goes on with it.
func TestALongRunIsSeenWhileItRuns(t *testing.T) { //nolint:paralleltest // see traced
	b := traced(t)
	worker := sdkworker.New(b.client, "q", sdkworker.Options{})
	worker.RegisterActivityWithOptions(func(context.Context, int) error { return nil }, activity.RegisterOptions{Name: "Look"})
	worker.RegisterWorkflowWithOptions(watcher, workflow.RegisterOptions{Name: workflows.LinkWorkflow})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Stop()
	look := func() {
		t.Helper()
		_, err := b.client.SignalWithStartWorkflow(t.Context(), "watched", "look", nil, client.StartWorkflowOptions{ID: "watched", TaskQueue: "q"}, workflows.LinkWorkflow, false)
		if err != nil {
			t.Fatal(err)
		}
	}
	seen := func(want string, times int) tracetest.SpanStub {
		t.Helper()
		var span tracetest.SpanStub
		testenv.Eventually(t, func() string {
			exported, all, count := b.spans.GetSpans(), []string(nil), 0
			for path, one := range paths(exported) {
				if all = append(all, path); path == want {
					span = one
				}
			}
			for _, one := range exported {
				if one.Name == span.Name {
					count++
				}
			}
			if span.Name == "" || count < times {
				slices.Sort(all)
				return fmt.Sprintf("%d of %q in\n%s", count, want, strings.Join(all, "\n"))
			}
			return ""
		})
		return span
	}

	if _, err := b.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "watched", TaskQueue: "q"}, workflows.LinkWorkflow, false); err != nil {
		t.Fatal(err)
	}
	run := seen("RunWorkflow:Link < StartWorkflow:Link", 1)
	seen("RunActivity:Look < StartActivity:Look < RunWorkflow:Link < StartWorkflow:Link", 1)

	look()
	round := seen("Round:Link", 1)
	seen("RunActivity:Look < StartActivity:Look < Round:Link", 2)
	linked := map[string]bool{}
	for _, link := range round.Links {
		for _, span := range b.spans.GetSpans() {
			if span.SpanContext.Equal(link.SpanContext) || span.SpanContext.SpanID() == link.SpanContext.SpanID() {
				linked[span.Name] = true
			}
		}
	}
	if !linked[run.Name] || len(round.Links) < 2 {
		t.Errorf("the round is linked to %v of %d", linked, len(round.Links))
	}
	if id := attribute.String("temporalWorkflowID", "watched"); !slices.Contains(round.Attributes, id) {
		t.Errorf("the round does not say whose it is: %v", round.Attributes)
	}

	sdkworker.PurgeStickyWorkflowCache() // as if its worker were gone
	look()
	seen("RunActivity:Look < StartActivity:Look < Round:Link", 3)
	if end := seen("CloseWorkflow:Link < Round:Link", 1); end.Status.Code == codes.Error {
		t.Errorf("a new history is an error: %v", end.Status)
	}

	// The next run is a trace of its own, and ends badly.
	seen("RunActivity:Look < StartActivity:Look < RunWorkflow:Link", 4)
	look()
	if err := b.client.GetWorkflow(t.Context(), "watched", "").Get(t.Context(), nil); err == nil {
		t.Error("the workflow did not end as it should")
	}
	seen("CloseWorkflow:Link < Round:Link", 2)
	if end := last(b.spans.GetSpans(), "CloseWorkflow:Link"); end.Status.Code != codes.Error {
		t.Errorf("the end is not an error: %v", end.Status)
	}

	worker.Stop()
	if err := b.telemetry.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for path, span := range paths(b.spans.GetSpans()) {
		if strings.Contains(path, "?") {
			t.Errorf("nobody exported a parent of %s", path)
		}
		if span.EndTime.Sub(span.StartTime) > testenv.Patience {
			t.Errorf("%s lasts as long as its workflow", path)
		}
	}
	for _, span := range b.spans.GetSpans() {
		ids[span.SpanContext.SpanID().String()+" "+span.Name]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s was exported %d times", id, n)
		}
	}
}

func last(spans tracetest.SpanStubs, name string) (found tracetest.SpanStub) {
	for _, span := range spans {
		if span.Name == name && span.StartTime.After(found.StartTime) {
			found = span
		}
	}
	return found
}
