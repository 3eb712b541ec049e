package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"callweave/internal/testenv"
)

// awaitRuns waits until a query finds something.
func (b *lifeBundle) awaitRuns(t *testing.T, query string) {
	t.Helper()
	testenv.Eventually(t, func() string {
		if len(b.executions(t, query)) == 0 {
			return "nothing is " + query
		}
		return ""
	})
}

// endRuns terminates what a query finds and waits until it is seen to have ended.
func (b *lifeBundle) endRuns(t *testing.T, query string) {
	t.Helper()
	query += " and ExecutionStatus = 'Running'"
	testenv.Eventually(t, func() string {
		list, err := b.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		var running []string
		for _, execution := range list.GetExecutions() {
			id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
			_ = b.temporal.TerminateWorkflow(t.Context(), id, run, "test") // it may have ended by itself
			running = append(running, id)
		}
		if len(running) > 0 {
			return "running: " + strings.Join(running, ", ")
		}
		return ""
	})
}

// shortly is for asking what should not have happened.
func shortly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
