package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/zoom/webhook"
	"callweave/workflows"
)

const (
	// inboxBatch bounds what one activity sees to.
	inboxBatch = 500
	// settledFor is how long operators can look up what came of an event.
	settledFor = 7 * 24 * time.Hour
	// inboxEvery is how soon what was not signalled is seen to. It is also how often an
	// account can be harvested because meetings end: all that end meanwhile cost one pass.
	inboxEvery = time.Minute
)

// Inbox sees to stored webhooks.
type Inbox struct {
	Store    *store.Store
	Temporal client.Client
}

// EnsureReceiveSchedule sees to it that the inbox is looked into. A worker calls it when
// it starts; repeating it changes nothing.
func (s *Schedules) EnsureReceiveSchedule(ctx context.Context) error {
	_, err := s.Temporal.ScheduleClient().Create(ctx, scheduleOf(workflows.ReceiveID, inboxEvery, temporal.SearchAttributes{},
		&client.ScheduleWorkflowAction{
			Workflow: workflows.ReceiveWorkflow, Args: []any{workflows.ReceiveInput{}}, StaticSummary: "See to stored webhooks",
		}))
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf("schedule %s: %w", workflows.ReceiveID, err)
}

// ReadInbox returns a batch of what is to be seen to. It changes nothing.
func (i *Inbox) ReadInbox(ctx context.Context, in workflows.InboxInput) (workflows.Inbox, error) {
	rows, err := i.Store.OpenWebhooks(ctx, in.After, inboxBatch)
	if err != nil {
		return workflows.Inbox{}, toApplicationError(err)
	}
	batch := workflows.Inbox{Last: in.After, More: len(rows) == inboxBatch}
	for _, row := range rows {
		batch.Last = row.EventID
		if row.Event == webhook.Deauthorized {
			batch.Deauthorizations = append(batch.Deauthorizations, row.EventID)
		} else {
			batch.Meetings = true
		}
	}
	return batch, nil
}

// TriggerHarvests triggers the schedule of every account that a batch has meetings of.
// Where a harvest runs, which may have listed the past before they ended, one more comes
// after it. Repeating it only triggers again what is not settled.
func (i *Inbox) TriggerHarvests(ctx context.Context, in workflows.TriggerInput) (workflows.TriggerResult, error) {
	rows, err := i.Store.OpenWebhooks(ctx, in.After, inboxBatch)
	if err != nil {
		return workflows.TriggerResult{}, toApplicationError(err)
	}
	result := workflows.TriggerResult{}
	seen := map[provider.AccountRef]bool{}
	for _, row := range rows {
		if row.EventID > in.Last || row.Event != webhook.MeetingEnded || row.AccountID == nil {
			continue
		}
		ref := provider.AccountRef{Provider: provider.Name(row.Provider), AccountID: *row.AccountID}
		if seen[ref] {
			continue
		}
		seen[ref] = true
		outcome, err := i.trigger(ctx, ref)
		if err != nil {
			return result, toApplicationError(fmt.Errorf("trigger harvest for event %d: %w", row.EventID, err))
		}
		if err := i.Store.SettleWebhooks(ctx, ref, row.Event, in.Last, outcome); err != nil {
			return result, toApplicationError(fmt.Errorf("settle event %d: %w", row.EventID, err))
		}
		if outcome == store.WebhookHarvested {
			result.Harvests++
		}
	}
	return result, nil
}

func (i *Inbox) trigger(ctx context.Context, ref provider.AccountRef) (outcome string, err error) {
	triggered, err := triggerHarvest(ctx, i.Temporal, ref, false)
	switch {
	case err != nil:
		return "", err
	case triggered:
		return store.WebhookHarvested, nil
	}
	return store.WebhookNoHarvest, nil
}

// Deauthorize unlinks the account that an event is about, where it is about the
// authorization that we hold: fences first, then every Link learns of it. Repeating it
// changes nothing.
func (i *Inbox) Deauthorize(ctx context.Context, in workflows.DeauthorizeInput) (workflows.DeauthorizeResult, error) {
	d, err := i.Store.Deauthorize(ctx, in.EventID)
	if err != nil {
		return workflows.DeauthorizeResult{}, toApplicationError(fmt.Errorf("deauthorize by event %d: %w", in.EventID, err))
	}
	for _, org := range d.Orgs {
		if err := i.deboard(ctx, d.Ref, org); err != nil {
			return workflows.DeauthorizeResult{}, toApplicationError(fmt.Errorf("unlink by event %d: %w", in.EventID, err))
		}
	}
	if err := i.Store.SettleWebhook(ctx, in.EventID, d.Outcome); err != nil {
		return workflows.DeauthorizeResult{}, toApplicationError(err)
	}
	return workflows.DeauthorizeResult{Outcome: d.Outcome, Links: len(d.Orgs)}, nil
}

// deboard has a fenced link erased. The Link finds the fence in its row; unlike a request
// to unlink, this does no harm to a link that took the row's place meanwhile.
func (i *Inbox) deboard(ctx context.Context, ref provider.AccountRef, org uuid.UUID) error {
	err := i.Temporal.SignalWorkflow(ctx, workflows.LinkID(ref, org), "", workflows.RecheckMessage, struct{}{})
	if _, missing := errors.AsType[*serviceerror.NotFound](err); !missing {
		return err //nolint:wrapcheck // the caller says which event it was
	}
	// Its Link is not there, though its row is: somebody ended the workflow by hand.
	_, err = i.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.DeboardID(ref, org), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "Erase what org " + org.String() + " had of " + ref.String(),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.ProviderKey.ValueSet(string(ref.Provider)), workflows.AccountIDKey.ValueSet(ref.AccountID), workflows.OrgIDKey.ValueSet(org.String())),
	}, workflows.DeboardWorkflow, workflows.DeboardInput{AccountRef: ref, OrgID: org, Reason: store.ReasonProvider})
	return err //nolint:wrapcheck // the same
}

// PurgeInbox erases events that were settled long ago.
func (i *Inbox) PurgeInbox(ctx context.Context) error {
	_, err := i.Store.PurgeWebhooks(ctx, time.Now().Add(-settledFor))
	return toApplicationError(err)
}
