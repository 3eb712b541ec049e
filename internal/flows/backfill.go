package flows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/workflows"
)

// ErrNotRunning says that a workflow has ended, or never was.
var ErrNotRunning = errors.New("the workflow is not running")

// Backfill starts a backfill and returns its workflow id. One of the same account and begin
// that is at work is joined.
func (f *Flows) Backfill(ctx context.Context, in workflows.BackfillInput) (string, error) {
	run, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.BackfillID(in.AccountRef, in.From), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("Backfill of %s from %s to %s", in.AccountRef, in.From.UTC().Format(time.RFC3339), in.To.UTC().Format(time.RFC3339)),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.ProviderKey.ValueSet(string(in.Provider)), workflows.AccountIDKey.ValueSet(in.AccountID)),
	}, workflows.BackfillWorkflow, in)
	if err != nil {
		return "", fmt.Errorf("start backfill of %s: %w", in.AccountRef, err)
	}
	return run.GetID(), nil
}

// BackfillProgress asks a backfill how far it is.
func (f *Flows) BackfillProgress(ctx context.Context, workflowID string) (workflows.BackfillProgress, error) {
	var progress workflows.BackfillProgress
	value, err := f.client.QueryWorkflow(ctx, workflowID, "", workflows.ProgressQuery)
	if err == nil {
		err = value.Get(&progress)
	}
	if err != nil {
		return progress, fmt.Errorf("ask %s how far it is: %w", workflowID, err)
	}
	return progress, nil
}

// BackfillResult waits for the end of a backfill. A canceled one is no error.
func (f *Flows) BackfillResult(ctx context.Context, workflowID string) (workflows.BackfillProgress, error) {
	var progress workflows.BackfillProgress
	err := f.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &progress)
	if temporal.IsCanceledError(err) && ctx.Err() == nil {
		return workflows.BackfillProgress{State: "canceled", Stopped: workflows.StopCanceled}, nil
	}
	if err != nil {
		return progress, fmt.Errorf("wait for %s: %w", workflowID, err)
	}
	return progress, nil
}

// PauseBackfill pauses a backfill and returns when nothing is spent for it any more, or has
// it go on. [ErrNotRunning] where its workflow has ended.
func (f *Flows) PauseBackfill(ctx context.Context, workflowID string, paused bool) error {
	name := workflows.ResumeMessage
	if paused {
		name = workflows.PauseMessage
	}
	handle, err := f.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflowID, UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	return ended(err, name+" "+workflowID)
}

// CancelBackfill cancels a backfill and waits until it has left the plan. [ErrNotRunning]
// where its workflow has ended.
func (f *Flows) CancelBackfill(ctx context.Context, workflowID string) error {
	if err := ended(f.client.CancelWorkflow(ctx, workflowID, ""), "cancel "+workflowID); err != nil {
		return err
	}
	_, err := f.BackfillResult(ctx, workflowID)
	if _, failed := errors.AsType[*temporal.WorkflowExecutionError](err); failed { // it did not end by itself
		return fmt.Errorf("cancel %s: %w", workflowID, ErrNotRunning)
	}
	return err
}

func ended(err error, doing string) error {
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		err = ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
