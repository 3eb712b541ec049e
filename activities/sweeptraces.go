package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"callweave/internal/store"
	"callweave/workflows"
)

// schedulerPrefix begins the ids of the workflows by which Temporal runs schedules. They
// stay, closed, in a division of their own when a schedule is deleted.
const schedulerPrefix = "temporal-sys-scheduler:"

// trace leads to executions of a link, an account or an org.
type trace struct {
	lives   bool // somebody linked anew: what runs now is theirs
	ids     []string
	queries []string
	owns    func(workflowID string) bool // queries by prefix find neighbours, too
}

// tracesOf is everything by which the executions of an erased link are found: exact
// search attributes, and the ids of those that ended before they had any.
func tracesOf(s store.Sweep) []trace {
	ref, all := s.Ref(), func(string) bool { return true }
	link := []string{workflows.LinkID(ref, s.OrgID), workflows.DeboardID(ref, s.OrgID), workflows.RevokeID(ref, s.ReceiptID)}
	traces := []trace{{
		lives: s.LinkLives, ids: link, owns: all, queries: []string{
			fmt.Sprintf("Provider = %s and AccountId = %s and OrgId = %s", quoted(s.Provider), quoted(s.AccountID), quoted(s.OrgID.String())),
			fmt.Sprintf("WorkflowId in (%s, %s, %s)", quoted(link[0]), quoted(link[1]), quoted(link[2])),
		},
	}}
	if s.LastLink {
		traces = append(traces, scheduled(workflows.HarvestID(ref), s.AccountLives)...)
		traces = append(traces, trace{lives: s.AccountLives, owns: all, queries: []string{
			fmt.Sprintf("Provider = %s and AccountId = %s and OrgId is null", quoted(s.Provider), quoted(s.AccountID)),
		}}, trace{lives: s.AccountLives, owns: func(found string) bool { return strings.HasPrefix(found, workflows.BackfillPrefix(ref)) }, queries: []string{
			"WorkflowId starts_with " + quoted(workflows.BackfillPrefix(ref)),
		}})
	}
	if s.LastOfOrg {
		traces = append(traces, scheduled(workflows.DevicesID(s.OrgID), s.OrgLives)...)
		traces = append(traces, scheduled(workflows.TrainID(s.OrgID), s.OrgLives)...)
		traces = append(traces, trace{lives: s.OrgLives, owns: all, queries: []string{
			fmt.Sprintf("OrgId = %s and AccountId is null", quoted(s.OrgID.String())),
		}})
	}
	return traces
}

// scheduled leads to a schedule's runs, to those that somebody started under the same id,
// and to the schedule's own workflow.
func scheduled(id string, lives bool) []trace {
	scheduler := schedulerPrefix + id
	return []trace{
		{
			lives: lives, ids: []string{id}, queries: []string{"WorkflowId starts_with " + quoted(id)},
			owns: func(found string) bool { return isRunOf(id, found) },
		},
		{
			lives: lives, ids: []string{scheduler}, owns: func(found string) bool { return found == scheduler },
			queries: []string{"TemporalNamespaceDivision = 'TemporalScheduler' and WorkflowId = " + quoted(scheduler)},
		},
	}
}

// isRunOf tells the runs of a schedule from those of another one whose id begins alike: a
// time follows, after "-" for the schedule's own and after "/" for an operator's.
func isRunOf(id, found string) bool {
	rest, isPrefix := strings.CutPrefix(found, id)
	if !isPrefix || rest == "" {
		return isPrefix
	}
	if rest[0] != '-' && rest[0] != '/' {
		return false
	}
	_, err := time.Parse(time.RFC3339, rest[1:])
	return err == nil
}

// quoted is a string of a visibility query.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// delete asks for the deletion of one closed execution; one that is gone is deleted.
func (p *sweepPass) delete(ctx context.Context, id, run string) error {
	if err := p.limit.Wait(ctx); err != nil {
		return fmt.Errorf("delete execution %s: %w", run, err)
	}
	_, err := p.sweeps.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: p.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run},
	})
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing || err == nil {
		return nil
	}
	return fmt.Errorf("delete execution %s: %w", run, err)
}
