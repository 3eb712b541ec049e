package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/reseal"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

const (
	// resealValues bounds a batch, resealFor the batches of one attempt.
	resealValues = 500
	resealFor    = 20 * time.Second
	// otherWorker is how soon another worker is given the chance to take a batch.
	otherWorker = time.Second
)

// Resealing brings what the master keyset sealed to its primary key.
type Resealing struct {
	Store    *store.Store
	Master   *vault.Master
	Codec    converter.PayloadCodec
	Temporal client.Client
}

// CountSealed counts what is sealed with older keys than the primary one.
func (r *Resealing) CountSealed(ctx context.Context, in workflows.ResealInput) (workflows.SealedCount, error) {
	if err := r.sealsWith(in.KeyID); err != nil {
		return workflows.SealedCount{}, err
	}
	census, err := reseal.Count(ctx, r.Store, r.Master)
	return workflows.SealedCount{KeyID: r.Master.PrimaryID(), Left: census.Left()}, toApplicationError(err)
}

// ResealBatch reseals values for some seconds. Repeating it finds less to do: a value
// that is resealed already stays as it is.
func (r *Resealing) ResealBatch(ctx context.Context, in workflows.ResealBatch) (workflows.ResealedBatch, error) {
	if err := r.sealsWith(in.KeyID); err != nil {
		return workflows.ResealedBatch{}, err
	}
	done := workflows.ResealedBatch{Next: in.At}
	for end := time.Now().Add(resealFor); time.Now().Before(end) && !done.Done; {
		progress, err := reseal.Batch(ctx, r.Store, r.Master, reseal.Cursor(done.Next), resealValues)
		if err != nil {
			return workflows.ResealedBatch{}, toApplicationError(err)
		}
		done.Next, done.Done = workflows.ResealCursor(progress.Next), progress.Done
		done.Resealed += int64(progress.Resealed)
		done.Unreadable += int64(progress.Unreadable)
		activity.RecordHeartbeat(ctx, done)
	}
	return done, nil
}

// ResealRuns seals the inputs of schedules anew and asks running Links to continue as new,
// and notes in the audit log that the database is resealed: payloads that are older than
// this line may still need an older key. Repeating it does the same again.
func (r *Resealing) ResealRuns(ctx context.Context, in workflows.ResealResult) (workflows.ResealedRuns, error) {
	if err := r.sealsWith(in.KeyID); err != nil {
		return workflows.ResealedRuns{}, err
	}
	schedules, err := r.schedules(ctx)
	if err != nil {
		return workflows.ResealedRuns{}, toApplicationError(err)
	}
	err = r.Store.Audit(ctx, store.Entry{
		Actor: "reseal", Action: reseal.AuditAction, Object: reseal.AuditObject(in.KeyID),
		Detail: map[string]any{"values": in.Resealed, "unreadable": in.Unreadable, "schedules": schedules},
	})
	if err != nil {
		return workflows.ResealedRuns{}, toApplicationError(err)
	}
	links, err := r.renewLinks(ctx)
	return workflows.ResealedRuns{Schedules: schedules, Links: links}, toApplicationError(err)
}

// sealsWith leaves the work to another worker where this one's keyset has another primary
// key: two that disagree would reseal each other's values for ever.
func (r *Resealing) sealsWith(id uint32) error {
	if id == 0 || id == r.Master.PrimaryID() {
		return nil
	}
	return applicationError(
		fmt.Errorf("this worker seals with key %d, wanted is key %d: give every worker the promoted keyset", r.Master.PrimaryID(), id),
		workflows.ErrMisconfigured, temporal.ApplicationErrorOptions{NextRetryDelay: otherWorker})
}

func (r *Resealing) schedules(ctx context.Context) (int, error) {
	list, err := r.Temporal.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return 0, fmt.Errorf("list schedules: %w", err)
	}
	resealed := 0
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return resealed, fmt.Errorf("list schedules: %w", err)
		}
		changed, err := r.schedule(ctx, entry.ID)
		if err != nil {
			return resealed, err
		}
		if changed {
			resealed++
		}
		activity.RecordHeartbeat(ctx, resealed)
	}
	return resealed, nil
}

// schedule seals the input of a schedule's workflow anew. One that is gone meanwhile
// needs nothing.
func (r *Resealing) schedule(ctx context.Context, id string) (bool, error) {
	changed := false
	err := r.Temporal.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := in.Description.Schedule
			action, ok := schedule.Action.(*client.ScheduleWorkflowAction)
			if !ok {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			changed = false
			for i, arg := range action.Args {
				payload, ok := arg.(*commonpb.Payload)
				if !ok {
					continue
				}
				anew, err := r.payload(payload)
				if err != nil {
					return nil, err
				}
				action.Args[i], changed = anew, changed || anew != payload
			}
			if !changed {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		},
	})
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reseal schedule %s: %w", id, err)
	}
	return changed, nil
}

// payload returns a payload sealed with the primary key; the same one where it is.
func (r *Resealing) payload(payload *commonpb.Payload) (*commonpb.Payload, error) {
	if id, marked := vault.SealedBy(payload.GetData()); !marked || id == r.Master.PrimaryID() {
		return payload, nil
	}
	plain, err := r.Codec.Decode([]*commonpb.Payload{payload})
	if err != nil {
		return nil, fmt.Errorf("open input: %w", err)
	}
	sealed, err := r.Codec.Encode(plain)
	if err != nil {
		return nil, fmt.Errorf("seal input: %w", err)
	}
	return sealed[0], nil
}

// renewLinks asks every running Link to continue as new: they run for months, and their
// histories are sealed with the key of their beginning.
func (r *Resealing) renewLinks(ctx context.Context) (int, error) {
	asked := 0
	var page []byte
	for {
		list, err := r.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' and ExecutionStatus = 'Running'", workflows.LinkWorkflow), NextPageToken: page,
		})
		if err != nil {
			return asked, fmt.Errorf("list links: %w", err)
		}
		for _, execution := range list.GetExecutions() {
			err := r.Temporal.SignalWorkflow(ctx, execution.GetExecution().GetWorkflowId(), "", workflows.RenewMessage, struct{}{})
			if _, ended := errors.AsType[*serviceerror.NotFound](err); err != nil && !ended {
				return asked, fmt.Errorf("renew %s: %w", execution.GetExecution().GetWorkflowId(), err)
			}
			asked++
			activity.RecordHeartbeat(ctx, asked)
		}
		if page = list.GetNextPageToken(); len(page) == 0 {
			return asked, nil
		}
	}
}
