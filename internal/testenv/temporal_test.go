package testenv_test

import (
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/testenv"
)

func hello(ctx workflow.Context) (string, error) {
	return workflow.GetInfo(ctx).Namespace, workflow.Sleep(ctx, time.Millisecond)
}

// A fresh namespace runs workflows at once, takes search attributes of its own, and shows nobody else's workflows.
func TestTemporalIsIsolated(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			env := testenv.Temporal(t)
			_, err := env.Client.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
				Namespace:        env.Namespace,
				SearchAttributes: map[string]enums.IndexedValueType{"OrgId": enums.INDEXED_VALUE_TYPE_KEYWORD},
			})
			if err != nil {
				t.Fatal(err)
			}
			w := worker.New(env.Client, "q", worker.Options{})
			w.RegisterWorkflow(hello)
			if err := w.Start(); err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
			run, err := env.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				ID: "same-id", TaskQueue: "q",
				TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword("OrgId").ValueSet("o")),
			}, hello)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if err := run.Get(t.Context(), &got); err != nil {
				t.Fatal(err)
			}
			if got != env.Namespace {
				t.Errorf("workflow ran in %q, want %q", got, env.Namespace)
			}
			list, err := env.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list.GetExecutions() {
				if e.GetExecution().GetRunId() != run.GetRunID() {
					t.Errorf("a workflow of another test is listed: %v", e.GetExecution())
				}
			}
		})
	}
}
