package activities

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
)

// awaitRuns waits until a query finds something.
func (b *lifeBundle) awaitRuns(t *testing.T, query string) {
	t.Helper()
	for len(b.executions(t, query)) == 0 {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// endRuns terminates what a query finds and waits until it is seen to have ended.
func (b *lifeBundle) endRuns(t *testing.T, query string) {
	t.Helper()
	query += " and ExecutionStatus = 'Running'"
	for {
		list, err := b.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.GetExecutions()) == 0 {
			return
		}
		for _, execution := range list.GetExecutions() {
			id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
			_ = b.temporal.TerminateWorkflow(t.Context(), id, run, "test") // it may have ended by itself
		}
	}
}

// shortly is for asking what should not have happened.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
