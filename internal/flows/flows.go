// Package flows starts and asks our workflows by their ids, for the HTTP backend and the
// command line.
package flows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/workflows"
)

// CodeFailed is the error code of an authorization whose workflow failed.
const CodeFailed = "failed"

// Flows talks to Temporal. Safe for concurrent use.
type Flows struct{ client client.Client }

// New builds it over a connected client.
func New(c client.Client) *Flows { return &Flows{client: c} }

// Authorize runs an authorization, or joins the run of it, and waits for the result. A
// run that failed has the error code [CodeFailed]; it is started again by the next call.
func (f *Flows) Authorize(ctx context.Context, id uuid.UUID) (workflows.AuthorizeResult, error) {
	var result workflows.AuthorizeResult
	run, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.AuthorizeID(id), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:            "An administrator came back with an authorization code",
	}, workflows.AuthorizeWorkflow, workflows.AuthorizeInput{AuthorizationID: id})
	if err != nil {
		return result, fmt.Errorf("start authorization %s: %w", id, err)
	}
	err = run.Get(ctx, &result)
	if _, failed := errors.AsType[*temporal.WorkflowExecutionError](err); failed {
		return workflows.AuthorizeResult{ErrorCode: CodeFailed}, nil
	}
	if err != nil {
		return result, fmt.Errorf("wait for authorization %s: %w", id, err)
	}
	return result, nil
}

// Unlink asks a link to end and waits until it is fenced: from then on nothing is written
// for it and its erasure cannot be lost. A link whose workflow was terminated or cancelled
// is started for it.
func (f *Flows) Unlink(ctx context.Context, ref provider.AccountRef, org uuid.UUID, reason string) (workflows.UnlinkResult, error) {
	var result workflows.UnlinkResult
	handle, err := f.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: f.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: workflows.LinkID(ref, org), TaskQueue: workflows.TaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:            "Account " + ref.String() + " linked to org " + org.String(),
		}, workflows.LinkWorkflow, workflows.LinkInput{AccountRef: ref, OrgID: org}),
		UpdateOptions: client.UpdateWorkflowOptions{
			WorkflowID: workflows.LinkID(ref, org), UpdateName: workflows.UnlinkMessage,
			Args: []any{workflows.Unlink{Reason: reason}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err == nil {
		err = handle.Get(ctx, &result)
	}
	if err != nil {
		return result, fmt.Errorf("unlink %s from org %s: %w", ref, org, err)
	}
	return result, nil
}

// Arrived has the inbox of webhooks looked into now. Whoever does not reach Temporal loses
// nothing: it is looked into every minute.
func (f *Flows) Arrived(ctx context.Context) error {
	_, err := f.client.SignalWithStartWorkflow(ctx, workflows.ReceiveID, workflows.ArrivedMessage, struct{}{}, client.StartWorkflowOptions{
		TaskQueue:             workflows.TaskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "See to stored webhooks",
	}, workflows.ReceiveWorkflow, workflows.ReceiveInput{})
	if err != nil {
		return fmt.Errorf("have the inbox looked into: %w", err)
	}
	return nil
}

// Reseal starts the resealing of everything under a key of the master keyset, or joins
// the one that runs.
func (f *Flows) Reseal(ctx context.Context, keyID uint32) (string, error) {
	run, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.ResealID, TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("Seal with key %d what older keys sealed", keyID),
	}, workflows.ResealWorkflow, workflows.ResealInput{KeyID: keyID})
	if err != nil {
		return "", fmt.Errorf("start resealing: %w", err)
	}
	return run.GetID(), nil
}

// ResealResult waits for the resealing and returns what it did.
func (f *Flows) ResealResult(ctx context.Context) (workflows.ResealResult, error) {
	var result workflows.ResealResult
	if err := f.client.GetWorkflow(ctx, workflows.ResealID, "").Get(ctx, &result); err != nil {
		return result, fmt.Errorf("wait for resealing: %w", err)
	}
	return result, nil
}

// Executions counts the workflow executions that Temporal keeps, running and closed,
// which began before a moment.
func (f *Flows) Executions(ctx context.Context, before time.Time) (running, all int64, err error) {
	counts := [2]int64{}
	for i, narrow := range []string{" and ExecutionStatus = 'Running'", ""} {
		answer, err := f.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("StartTime < '%s'", before.UTC().Format(time.RFC3339Nano)) + narrow,
		})
		if err != nil {
			return 0, 0, fmt.Errorf("count executions: %w", err)
		}
		counts[i] = answer.GetCount()
	}
	return counts[0], counts[1], nil
}
