package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// ReceiveInput begins a Receive. It needs nothing: what is to be done is in the inbox.
type ReceiveInput struct{}

// ReceiveResult is what a Receive did.
type ReceiveResult struct {
	Harvests int `json:"harvests"` // triggered
	Unlinked int `json:"unlinked"` // links
	Ignored  int `json:"ignored"`  // events that asked for nothing
	Failed   int `json:"failed"`   // events left for the next run
}

// InboxInput asks for a batch of stored events, beginning after an event.
type InboxInput struct {
	After int64 `json:"after"`
}

// Inbox is a batch of events. It carries their ids only: a history that named accounts
// would outlive their erasure.
type Inbox struct {
	Meetings         bool    `json:"meetings"` // some are about meetings that ended
	Deauthorizations []int64 `json:"deauthorizations,omitempty"`
	Last             int64   `json:"last"` // the newest of the batch
	More             bool    `json:"more"`
}

// TriggerInput asks for the harvests that the events of one batch call for.
type TriggerInput struct {
	After int64 `json:"after"`
	Last  int64 `json:"last"`
}

// TriggerResult says how many accounts that were.
type TriggerResult struct {
	Harvests int `json:"harvests"`
}

// DeauthorizeInput names an event.
type DeauthorizeInput struct {
	EventID int64 `json:"event_id"`
}

// DeauthorizeResult is what came of it.
type DeauthorizeResult struct {
	Outcome string `json:"outcome"` // as in the inbox
	Links   int    `json:"links"`   // unlinked
}

// Receive sees to the webhooks that are stored in the inbox: a meeting that ended triggers
// its account's harvest, once for all that ended meanwhile; a deauthorization unlinks the
// account. The backend signals what cannot wait; a schedule starts a run every minute, for
// what can, and for what was stored while Temporal could not be reached.
func Receive(ctx workflow.Context, _ ReceiveInput) (ReceiveResult, error) {
	arrived := workflow.GetSignalChannelWithOptions(ctx, ArrivedMessage,
		workflow.SignalChannelOptions{Description: "Something was stored in the inbox"})
	r := &receive{}
	for {
		for arrived.ReceiveAsync(nil) {
			// What these announce is in the inbox: this pass finds it.
		}
		full, err := r.pass(ctx)
		if err != nil {
			return r.result, err
		}
		more := arrived.Len() > 0
		if full || more && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return r.result, workflow.NewContinueAsNewError(ctx, ReceiveWorkflow, ReceiveInput{})
		}
		if !more {
			break
		}
	}
	return r.result, workflow.ExecuteActivity(bookkeeping(ctx, "Forget events settled long ago"), PurgeInboxActivity).Get(ctx, nil)
}

type receive struct{ result ReceiveResult }

// pass goes through the inbox once. What cannot be settled now stays in it and keeps
// nothing else from being settled. It reports whether the history became too long.
func (r *receive) pass(ctx workflow.Context) (full bool, err error) {
	after := int64(0)
	for {
		var batch Inbox
		err := workflow.ExecuteActivity(bookkeeping(ctx, "Look into the inbox"), ReadInboxActivity, InboxInput{After: after}).Get(ctx, &batch)
		if err != nil {
			return false, err
		}
		if batch.Meetings {
			r.trigger(ctx, TriggerInput{After: after, Last: batch.Last})
		}
		for _, event := range batch.Deauthorizations {
			r.deauthorize(ctx, event)
		}
		r.show(ctx)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case !batch.More:
			return false, nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return true, nil
		}
		after = batch.Last
	}
}

func (r *receive) trigger(ctx workflow.Context, in TriggerInput) {
	var triggered TriggerResult
	err := workflow.ExecuteActivity(receiving(ctx, "Trigger harvests of accounts whose meetings ended"), TriggerActivity, in).Get(ctx, &triggered)
	if err != nil {
		r.failed(ctx, err)
		return
	}
	r.result.Harvests += triggered.Harvests
}

func (r *receive) deauthorize(ctx workflow.Context, event int64) {
	var result DeauthorizeResult
	err := workflow.ExecuteActivity(receiving(ctx, fmt.Sprintf("Deauthorization, event %d", event)), DeauthorizeActivity,
		DeauthorizeInput{EventID: event}).Get(ctx, &result)
	switch {
	case err != nil:
		r.failed(ctx, err)
	case result.Links == 0:
		r.result.Ignored++
	default:
		r.result.Unlinked += result.Links
	}
}

func (r *receive) failed(ctx workflow.Context, err error) {
	r.result.Failed++
	workflow.GetLogger(ctx).Warn("webhook left for the next run", "error_type", ErrorType(err))
}

func (r *receive) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d harvests triggered, %d links unlinked, %d events ignored, %d left for the next run",
		r.result.Harvests, r.result.Unlinked, r.result.Ignored, r.result.Failed))
}
