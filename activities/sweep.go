package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/time/rate"

	"callweave/internal/store"
	"callweave/workflows"
)

const (
	sweepPage = 200
	// deletionsPerSecond leaves the cluster to those who have work to do.
	deletionsPerSecond = 100
)

// Sweeps erase the executions of workflows whose link is erased.
type Sweeps struct {
	Store     *store.Store
	Temporal  client.Client
	Schedules *Schedules
}

// StartSweep starts the Sweep of a receipt. Repeating it joins the one that runs.
func (s *Sweeps) StartSweep(ctx context.Context, in workflows.SweepInput) error {
	_, err := s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.SweepID(in.ReceiptID), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "Erase the histories behind receipt " + in.ReceiptID.String(),
	}, workflows.SweepWorkflow, in)
	return toApplicationError(err)
}

// SweepHistories asks for the deletion of every closed execution that a receipt's link
// left, and says how many are still there. Temporal deletes later than it answers, and
// lists later than it knows: so it is to be repeated until none is left. It never
// touches what runs, nor what began after the erasure where somebody linked anew.
func (s *Sweeps) SweepHistories(ctx context.Context, in workflows.SweepInput) (workflows.SweepResult, error) {
	sweep, err := s.Store.Sweep(ctx, in.ReceiptID)
	if err != nil {
		return workflows.SweepResult{}, toApplicationError(err)
	}
	if sweep.FinishedAt == nil {
		return workflows.SweepResult{}, applicationError(fmt.Errorf("receipt %s is not finished", in.ReceiptID), workflows.ErrUnlinking,
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	pass := sweepPass{
		sweeps: s, sweep: sweep, namespace: activity.GetInfo(ctx).Namespace, looked: time.Now(),
		limit: rate.NewLimiter(deletionsPerSecond, 1), seen: map[string]bool{},
	}
	link := workflows.LinkInput{AccountRef: sweep.Ref(), OrgID: sweep.OrgID}
	if err := s.Schedules.StopSchedules(ctx, link); err != nil {
		return workflows.SweepResult{}, err
	}
	for _, trace := range tracesOf(sweep) {
		if err := pass.erase(ctx, trace); err != nil {
			return workflows.SweepResult{}, toApplicationError(err)
		}
	}
	if err := s.Store.SweptAll(ctx, in.ReceiptID, pass.result.Left); err != nil {
		return workflows.SweepResult{}, toApplicationError(err)
	}
	return pass.result, nil
}

// sweepPass is one look at everything that a receipt's link left.
type sweepPass struct {
	sweeps    *Sweeps
	sweep     store.Sweep
	namespace string
	looked    time.Time
	limit     *rate.Limiter
	seen      map[string]bool // run ids: a trace may be found twice
	result    workflows.SweepResult
}

// erase deletes what a trace leads to: by its ids first, for a listing may be behind.
func (p *sweepPass) erase(ctx context.Context, t trace) error {
	for _, id := range t.ids {
		described, err := p.sweeps.Temporal.DescribeWorkflowExecution(ctx, id, "")
		if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
			continue
		}
		if err != nil {
			return fmt.Errorf("describe execution: %w", err)
		}
		if err := p.take(ctx, t, []*workflowpb.WorkflowExecutionInfo{described.GetWorkflowExecutionInfo()}); err != nil {
			return err
		}
	}
	for _, query := range t.queries {
		var page []byte
		for {
			list, err := p.sweeps.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
				Query: query, PageSize: sweepPage, NextPageToken: page,
			})
			if err != nil {
				return fmt.Errorf("list executions: %w", err)
			}
			if err := p.take(ctx, t, list.GetExecutions()); err != nil {
				return err
			}
			activity.RecordHeartbeat(ctx, p.result)
			if page = list.GetNextPageToken(); len(page) == 0 {
				break
			}
		}
	}
	return nil
}

// take has the closed ones among some executions deleted and counts what is left.
func (p *sweepPass) take(ctx context.Context, t trace, found []*workflowpb.WorkflowExecutionInfo) error {
	var closed []string
	ids := map[string]string{}
	for _, execution := range found {
		id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
		if p.seen[run] || !t.owns(id) || p.isNew(t, execution.GetStartTime().AsTime()) {
			continue
		}
		running := execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		if running && t.lives {
			continue // it serves whoever linked anew
		}
		p.seen[run] = true
		p.result.Left++
		if !running {
			closed, ids[run] = append(closed, run), id
		}
	}
	if len(closed) == 0 {
		return nil
	}
	fresh, err := p.sweeps.Store.NotSwept(ctx, p.sweep.ReceiptID, closed)
	if err != nil {
		return err
	}
	for _, run := range fresh {
		if err := p.delete(ctx, ids[run], run); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	p.result.Deleted += len(fresh)
	return p.sweeps.Store.Swept(ctx, p.sweep.ReceiptID, fresh)
}

// isNew tells what began after the erasure, where that may be of a new link.
func (p *sweepPass) isNew(t trace, start time.Time) bool {
	if t.lives {
		return start.After(*p.sweep.FinishedAt)
	}
	return start.After(p.looked)
}
