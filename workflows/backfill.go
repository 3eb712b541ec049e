package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// backfillLook is how often a backfill that waits or is paused looks whether the account
	// is still linked, where nobody tells it.
	backfillLook = time.Hour
	// heldPause is how long it waits for another harvest of the account.
	heldPause = 10 * time.Second
	// The pauses after passes that came to nothing.
	firstRetryPause = 30 * time.Second
	maxRetryPause   = 15 * time.Minute
	// midnightSpread keeps accounts from going on all at once.
	midnightSpread = 10 * time.Minute
)

// Backfill has a time of an account's past harvested: it puts the days into the ledger and
// lives passes over it, newest first, until all of them are listed and what they show is
// read, or there is a cause why not. A pass is a Harvest, the ledger's only consumer, and so
// reads what is new first and keeps to the account's budget.
//
//	begin ─→ look ─→ done, or the account is not linked any more
//	          ↑ └──→ wait, or one pass ─┐
//	          └─────────────────────────┘
//
// Paused, nothing is spent for it. Canceled, what was not read is taken out of the plan.
func Backfill(ctx workflow.Context, in BackfillInput) (BackfillProgress, error) {
	in.From, in.To = in.From.UTC().Truncate(time.Second), in.To.UTC().Truncate(time.Second)
	carried := in.Carried.State != ""
	if !carried {
		if err := in.ValidAt(workflow.Now(ctx)); err != nil {
			return BackfillProgress{}, invalidInput(BackfillWorkflow, err)
		}
	}
	b := &backfill{in: in, progress: in.Carried, retry: firstRetryPause, notBefore: in.Carried.WaitingUntil}
	if !carried {
		b.progress.State = backfillRunning
		if err := b.begin(ctx); err != nil {
			return b.progress, b.end(ctx, err)
		}
	}
	if err := b.handlers(ctx); err != nil {
		return BackfillProgress{}, err
	}
	err := b.run(ctx)
	if workflow.IsContinueAsNewError(err) {
		return BackfillProgress{}, err
	}
	return b.progress, b.end(ctx, err)
}

// The states of a backfill, as the ledger has them.
const (
	backfillRunning  = "running"
	backfillPaused   = "paused"
	backfillDone     = "done"
	backfillCanceled = "canceled"
)

// backfill is the state of a Backfill.
type backfill struct {
	in        BackfillInput
	progress  BackfillProgress // what the query answers
	open      int              // windows that are waited for
	gone      bool             // there is nothing to fill any more
	passing   bool             // a pass is at work
	changing  int              // messages that are being seen to
	look      bool             // somebody asked to look again
	before    standing         // when the last pass began
	idle      bool             // the last pass read nothing
	notBefore time.Time        // when the next pass may begin
	retry     time.Duration    // the next pause after a pass that came to nothing
}

// standing is how far the ledger is; passes that do not change it are no use.
type standing struct{ open, due, read, listed int }

func (b *backfill) standing() standing {
	return standing{b.open, b.progress.MeetingsDue, b.progress.MeetingsRead, b.progress.WindowsListed}
}

func (b *backfill) ref() BackfillRef {
	return BackfillRef{AccountRef: b.in.AccountRef, From: b.in.From, To: b.in.To}
}

func (b *backfill) handlers(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery, func() (BackfillProgress, error) { return b.progress, nil },
		workflow.QueryHandlerOptions{Description: "How far the backfill is, and what it waits for"})
	if err != nil {
		return err
	}
	for _, one := range []struct {
		name, description string
		paused            bool
	}{
		{PauseMessage, "Pause: answers when nothing is spent for it any more", true},
		{ResumeMessage, "Go on", false},
	} {
		err := workflow.SetUpdateHandlerWithOptions(ctx, one.name, func(ctx workflow.Context) (BackfillProgress, error) {
			return b.pause(ctx, one.paused)
		}, workflow.UpdateHandlerOptions{Description: one.description})
		if err != nil {
			return err
		}
		channel := workflow.GetSignalChannelWithOptions(ctx, one.name, workflow.SignalChannelOptions{Description: one.description + ", as a signal"})
		workflow.GoNamed(ctx, one.name, func(ctx workflow.Context) {
			for channel.Receive(ctx, nil) {
				if _, err := b.pause(ctx, one.paused); err != nil {
					workflow.GetLogger(ctx).Warn("the backfill was not paused or resumed", "error_type", ErrorType(err))
				}
			}
		})
	}
	listen(ctx, RecheckMessage, "Look whether there is still something to do", func(struct{}) { b.look = true })
	return nil
}

// pause is first of all a mark in the ledger, which every pass goes by, whoever started it.
func (b *backfill) pause(ctx workflow.Context, paused bool) (BackfillProgress, error) {
	b.changing++
	defer func() { b.changing-- }()
	doing, state := "Resume", backfillRunning
	if paused {
		doing, state = "Pause", backfillPaused
	}
	err := workflow.ExecuteActivity(bookkeeping(ctx, doing+" the backfill"), PauseBackfillActivity, BackfillPause{BackfillRef: b.ref(), Paused: paused}).Get(ctx, nil)
	if err != nil {
		return BackfillProgress{}, err
	}
	b.progress.State, b.look = state, true
	b.show(ctx)
	if paused {
		err = workflow.Await(ctx, func() bool { return !b.passing || b.progress.State != backfillPaused })
	}
	return b.progress, err
}

func (b *backfill) begin(ctx workflow.Context) error {
	if err := findable(ctx, AccountIDKey, b.in.AccountID, ProviderKey.ValueSet(string(b.in.Provider))); err != nil {
		return err
	}
	by := b.in.RequestedBy
	if by == "" {
		by = workflow.GetInfo(ctx).WorkflowExecution.ID
	}
	return workflow.ExecuteActivity(bookkeeping(ctx, "Put the days into the ledger"), BeginBackfillActivity, BackfillBegin{
		BackfillRef: b.ref(), RequestedBy: by,
	}).Get(ctx, nil)
}

func (b *backfill) run(ctx workflow.Context) error {
	for {
		if err := b.recheck(ctx); err != nil {
			return err
		}
		if b.idle && b.standing() == b.before {
			b.waitFor(ctx, b.nextRetry(), WaitingRetry)
		}
		b.idle = false
		now := workflow.Now(ctx)
		switch {
		case b.look: // what was seen is older than what was said
		case b.gone, b.progress.State != backfillPaused && b.open == 0 && b.progress.MeetingsDue == 0:
			return nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return b.continueAsNew(ctx)
		case b.progress.State == backfillPaused:
			if err := b.wait(ctx, backfillLook, "paused"); err != nil {
				return err
			}
		case now.Before(b.notBefore):
			if err := b.wait(ctx, b.notBefore.Sub(now), "waiting for "+b.progress.WaitingFor); err != nil {
				return err
			}
		default:
			if err := b.pass(ctx); err != nil {
				return err
			}
		}
	}
}

// recheck looks at the ledger.
func (b *backfill) recheck(ctx workflow.Context) error {
	b.look = false
	var look BackfillLook
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Look how far the backfill is"), LookAtBackfillActivity, b.ref()).Get(ctx, &look)
	if err != nil {
		return err
	}
	if b.gone = look.Gone; b.gone {
		return nil
	}
	p := &b.progress
	b.open = look.WindowsOpen
	p.State, p.WindowsTotal, p.WindowsListed, p.WindowsFailed = look.State, look.WindowsTotal, look.WindowsListed, look.WindowsFailed
	p.MeetingsDue, p.MeetingsRead, p.Quarantined, p.DoneAt = look.MeetingsDue, look.MeetingsRead, look.Quarantined, look.DoneAt
	b.show(ctx)
	return nil
}

// wait returns when the time is over, at the latest when it is time to look again, and when
// somebody says so.
func (b *backfill) wait(ctx workflow.Context, d time.Duration, why string) error {
	_, err := workflow.AwaitWithOptions(ctx,
		workflow.AwaitOptions{Timeout: min(d, backfillLook), TimerOptions: workflow.TimerOptions{Summary: why}},
		func() bool { return b.look })
	return err
}

// pass lives one Harvest. A cancellation waits for its end, so that the ledger is at rest.
func (b *backfill) pass(ctx workflow.Context) error {
	p := &b.progress
	p.WaitingFor, p.WaitingUntil, b.notBefore = "", time.Time{}, time.Time{}
	p.Passes++
	b.passing, b.before = true, b.standing()
	b.show(ctx)
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            BackfillID(b.in.AccountRef, b.in.From) + "/pass",
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation:   true,
		StaticSummary:         fmt.Sprintf("Pass %d of a backfill of %s", p.Passes, b.in.AccountRef),
		TypedSearchAttributes: temporal.NewSearchAttributes(ProviderKey.ValueSet(string(b.in.Provider)), AccountIDKey.ValueSet(b.in.AccountID)),
	})
	var result HarvestResult
	err := workflow.ExecuteChildWorkflow(child, HarvestWorkflow, HarvestInput{AccountRef: b.in.AccountRef}).Get(ctx, &result)
	b.passing = false
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.RequestsSpent += result.Requests
	b.after(ctx, result, err)
	return nil
}

// after decides when the next pass begins.
func (b *backfill) after(ctx workflow.Context, result HarvestResult, failed error) {
	switch {
	case failed != nil:
		b.waitFor(ctx, b.nextRetry(), ErrorType(failed))
	case result.HeldBy != "":
		b.waitFor(ctx, heldPause, WaitingHarvest)
	case result.Stopped == ErrFenced: // the next look tells
	case result.Stopped == ErrRateLimited && result.StoppedDaily:
		now := workflow.Now(ctx).UTC()
		b.waitFor(ctx, now.Truncate(24*time.Hour).Add(24*time.Hour+spread(b.in.AccountID)).Sub(now), WaitingBudget)
	case result.Stopped != "":
		b.waitFor(ctx, b.nextRetry(), result.Stopped)
	case result.MeetingsRead == 0:
		b.idle = true // unless windows were listed
	default:
		b.retry = firstRetryPause
	}
}

func (b *backfill) waitFor(ctx workflow.Context, d time.Duration, what string) {
	b.notBefore = workflow.Now(ctx).Add(d)
	b.progress.WaitingFor, b.progress.WaitingUntil = what, b.notBefore
}

func (b *backfill) nextRetry() time.Duration {
	pause := b.retry
	b.retry = min(2*b.retry, maxRetryPause)
	return pause
}

// spread is an account's own part of [midnightSpread].
func spread(accountID string) time.Duration {
	var hash uint32
	for _, b := range []byte(accountID) {
		hash = 31*hash + uint32(b)
	}
	return time.Duration(hash%uint32(midnightSpread/time.Second)) * time.Second
}

func (b *backfill) continueAsNew(ctx workflow.Context) error {
	if err := b.settle(ctx); err != nil {
		return err
	}
	in := b.in
	in.Carried = b.progress
	return workflow.NewContinueAsNewError(ctx, BackfillWorkflow, in)
}

// settle waits until every message is seen to.
func (b *backfill) settle(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return b.changing == 0 && workflow.AllHandlersFinished(ctx) })
}

// end notes how the backfill ended, also where it was canceled.
func (b *backfill) end(ctx workflow.Context, cause error) error {
	p := &b.progress
	p.WaitingFor, p.WaitingUntil, p.DoneAt = "", time.Time{}, time.Time{}
	switch {
	case b.gone:
		p.State, p.Stopped = backfillCanceled, ErrFenced
		b.show(ctx)
		return b.settle(ctx)
	case cause != nil:
		p.State, p.Stopped = backfillCanceled, ErrorType(cause)
		if temporal.IsCanceledError(cause) {
			p.Stopped = StopCanceled
		}
	default:
		p.State = backfillDone
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	err := workflow.ExecuteActivity(bookkeeping(detached, "Note how the backfill ended"), EndBackfillActivity, BackfillEnd{
		BackfillRef: b.ref(), Outcome: b.progress,
	}).Get(detached, nil)
	b.show(ctx)
	if settled := b.settle(detached); cause == nil && err == nil {
		err = settled
	}
	if cause != nil {
		return cause
	}
	return err
}

// show tells the UI how far it is.
func (b *backfill) show(ctx workflow.Context) {
	p := b.progress
	text := fmt.Sprintf("**%s** · %s to %s · %s\n\n%d of %d windows listed, %d meetings read, %d due, %d quarantined, %d requests spent in %d passes",
		b.in.AccountRef, b.in.From.Format(time.RFC3339), b.in.To.Format(time.RFC3339), p.State,
		p.WindowsListed, p.WindowsTotal, p.MeetingsRead, p.MeetingsDue, p.Quarantined, p.RequestsSpent, p.Passes)
	if p.WaitingFor != "" {
		text += fmt.Sprintf("\n\nwaiting for %s until %s", p.WaitingFor, p.WaitingUntil.UTC().Format(time.RFC3339))
	}
	if p.Stopped != "" {
		text += "\n\nstopped: " + p.Stopped
	}
	workflow.SetCurrentDetails(ctx, text)
}
