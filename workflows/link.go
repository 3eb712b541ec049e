package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// recheckEvery is how often a link looks at its row unasked, and sees to its schedules.
	recheckEvery = 15 * time.Minute
	// deboardRetry is how long a link waits before it asks again for a Deboard that ended badly.
	deboardRetry = time.Minute
)

// Link is one org's link to one provider account for as long as it lives. Its id is the
// lock: there is one per link. It keeps the schedules of account and org going, shows the
// link's state, and ends through Deboard when somebody unlinks.
//
//	CheckLink ─ active/failed ─→ schedules ─→ wait (recheck, reauthorized, 15 min) ─┐
//	    ↑                                                                          │
//	    └──────────────────────────────────────────────────────────────────────────┘
//	unlink, or a row that is unlinking ─→ Deboard ─→ end
func Link(ctx workflow.Context, in LinkInput) error {
	if err := in.Validate(); err != nil {
		return invalidInput(LinkWorkflow, err)
	}
	l := newLink(ctx, in)
	if err := l.handlers(ctx); err != nil {
		return err
	}
	return l.run(ctx)
}

// link is the state of a Link.
type link struct {
	in     LinkInput
	state  LinkState // what the status query answers
	check  LinkCheck // what the row said last
	look   bool      // somebody asked to look at the row again
	unlink *Unlink   // somebody asked to unlink
	renew  bool      // somebody asked for a new history
}

func newLink(ctx workflow.Context, in LinkInput) *link {
	l := &link{in: in, state: in.Carried}
	if l.state.Status == "" {
		l.state = LinkState{Status: StatusActive, Since: workflow.Now(ctx)}
	}
	return l
}

// handlers are registered when the state is complete: a message that waited runs at once.
func (l *link) handlers(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery,
		func() (LinkState, error) { return l.state, nil },
		workflow.QueryHandlerOptions{Description: "The link's state and since when"})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, UnlinkMessage, l.onUnlink,
		workflow.UpdateHandlerOptions{Description: "Unlink: returns when nothing is written for the link any more; the erasure goes on"})
	if err != nil {
		return err
	}
	listen(ctx, UnlinkMessage, "Unlink, without an answer", l.askUnlink)
	for _, name := range []string{ReauthorizedMessage, RecheckMessage} {
		listen(ctx, name, "Look at the link's row again", func(struct{}) { l.look = true })
	}
	listen(ctx, RenewMessage, "Continue as new, sealed with the keys of today", func(struct{}) { l.renew = true })
	return nil
}

// listen calls handle for every signal of a name.
func listen[T any](ctx workflow.Context, name, description string, handle func(T)) {
	channel := workflow.GetSignalChannelWithOptions(ctx, name, workflow.SignalChannelOptions{Description: description})
	workflow.GoNamed(ctx, name, func(ctx workflow.Context) {
		for {
			var message T
			if !channel.Receive(ctx, &message) {
				return
			}
			handle(message)
		}
	})
}

// onUnlink fences before it answers: then nothing is written for the link any more.
func (l *link) onUnlink(ctx workflow.Context, unlink Unlink) (UnlinkResult, error) {
	var fence Fenced
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Fence the link"), FenceLinkActivity, l.deboardInput(unlink)).Get(ctx, &fence)
	if err != nil {
		return UnlinkResult{}, err
	}
	l.askUnlink(unlink)
	return UnlinkResult{DeboardID: DeboardID(l.in.AccountRef, l.in.OrgID), FencedAt: fence.FencedAt}, nil
}

func (l *link) askUnlink(unlink Unlink) {
	if l.unlink == nil {
		l.unlink = &unlink
	}
}

func (l *link) deboardInput(unlink Unlink) DeboardInput {
	return DeboardInput{AccountRef: l.in.AccountRef, OrgID: l.in.OrgID, Reason: unlink.Reason}
}

func (l *link) run(ctx workflow.Context) error {
	if err := upsertLinkAttributes(ctx, l.in.AccountRef, l.in.OrgID); err != nil {
		return err
	}
	for {
		if err := l.recheck(ctx); err != nil {
			return err
		}
		switch {
		case !l.check.Exists:
			return l.end(ctx)
		case l.unlink != nil || l.state.Status == StatusUnlinking:
			if err := l.deboard(ctx); err != nil {
				return err
			}
			continue // until the row is gone, or a new link took its place
		case l.renew || workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return l.continueAsNew(ctx)
		}
		if err := l.wait(ctx); err != nil {
			return err
		}
	}
}

// wait returns when there is something to look at.
func (l *link) wait(ctx workflow.Context) error {
	_, err := workflow.AwaitWithOptions(ctx,
		workflow.AwaitOptions{Timeout: recheckEvery, TimerOptions: workflow.TimerOptions{Summary: "Next look at the link"}},
		func() bool { return l.look || l.renew || l.unlink != nil })
	return err
}

// recheck looks at the row, shows what it says and sees to the schedules.
func (l *link) recheck(ctx workflow.Context) error {
	l.look = false
	l.check = LinkCheck{}
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Look at the link's row"), CheckLinkActivity, l.in).Get(ctx, &l.check)
	if err != nil {
		return err
	}
	status := l.check.Status
	if !l.check.Exists {
		status = StatusUnlinked
	}
	if err := l.show(ctx, status); err != nil {
		return err
	}
	if !l.check.Exists || status == StatusUnlinking || l.unlink != nil {
		return nil
	}
	return l.schedules(ctx)
}

// schedules sees to it that the account is harvested and the org's devices are
// collected. It does nothing where they are.
func (l *link) schedules(ctx workflow.Context) error {
	harvest := workflow.ExecuteActivity(bookkeeping(ctx, "See to the harvest's schedule"), EnsureHarvestActivity, l.in.AccountRef)
	devices := workflow.ExecuteActivity(bookkeeping(ctx, "See to the devices' schedule"), EnsureDevicesActivity, CollectDevicesInput{OrgID: l.in.OrgID})
	for _, future := range []workflow.Future{harvest, devices} {
		err := future.Get(ctx, nil)
		if ErrorType(err) == ErrFenced {
			l.look = true // unlinked meanwhile, by somebody who did not ask us
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deboard erases the link through a child that outlives us: an erasure once begun ends.
func (l *link) deboard(ctx workflow.Context) error {
	if err := l.show(ctx, StatusUnlinking); err != nil {
		return err
	}
	unlink := Unlink{Reason: "operator"}
	if l.unlink != nil {
		unlink = *l.unlink
	}
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            DeboardID(l.in.AccountRef, l.in.OrgID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         "Erase what org " + l.in.OrgID.String() + " had of " + l.in.AccountRef.String(),
		TypedSearchAttributes: temporal.NewSearchAttributes(
			ProviderKey.ValueSet(string(l.in.Provider)), AccountIDKey.ValueSet(l.in.AccountID), OrgIDKey.ValueSet(l.in.OrgID.String())),
	}
	l.unlink = nil
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), DeboardWorkflow, l.deboardInput(unlink)).Get(ctx, nil)
	if err == nil || ctx.Err() != nil {
		l.unlink = nil // whoever asked meanwhile asked for what is done
		return ctx.Err()
	}
	// Another Deboard runs already, or ours was ended by an operator. The row tells.
	workflow.GetLogger(ctx).Warn("deboard did not end well", "error", err)
	_, err = workflow.AwaitWithOptions(ctx,
		workflow.AwaitOptions{Timeout: deboardRetry, TimerOptions: workflow.TimerOptions{Summary: "Look again whether the link is erased"}},
		func() bool { return l.look })
	return err
}

// end ends the workflow unless a new link took the old one's place meanwhile.
func (l *link) end(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	if l.look {
		// Whoever linked again found us running: what they stored is to be looked at.
		return l.continueAsNew(ctx)
	}
	return nil
}

func (l *link) continueAsNew(ctx workflow.Context) error {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	if l.unlink != nil {
		// A fence is in the row for the next run to find; a mere signal is not.
		if err := l.deboard(ctx); err != nil {
			return err
		}
	}
	next := l.in
	next.Carried = l.state
	return workflow.NewContinueAsNewError(ctx, LinkWorkflow, next)
}
