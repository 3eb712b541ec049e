package workflows

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/provider"
)

// A pass is bounded, so that its history is small however much there is to do: the rest
// waits for the next pass, which begins with what is newest.
const (
	maxReadRounds  = 10 // of some minutes each
	maxWeaveRounds = 20 // per org
	// pastFor is how long a pass begins to list windows of the past: what is new waits for the
	// next one.
	pastFor = 2 * time.Minute
)

// scheduledAt is when a schedule meant to start a run: the backfill of a schedule starts
// runs for times that are long past.
var scheduledAt = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// Harvest is one pass over an account's ledger: it plans the windows that are open, lists
// them, reads the meetings that are due, newest first, and has every linked org woven.
// Where there is nothing new, the first activity is the whole pass.
//
//	look ─→ nothing new: done
//	plan ─→ list, per window ─→ read, in batches ─→ read live ─→ finish ─→ weave, per org
//
// What an operator expects now and then (a spent quota, an account that must be linked
// again, a provider that is down) ends the pass as completed, with the cause in
// [HarvestResult.Stopped]; what was not done stays in the ledger. A run that finds another
// one at work completes with [HarvestResult.HeldBy].
func Harvest(ctx workflow.Context, in HarvestInput) (HarvestResult, error) {
	if err := validHarvest(in); err != nil {
		return HarvestResult{}, err
	}
	h := &harvest{in: in}
	err := h.run(ctx)
	return h.result, err
}

func validHarvest(in HarvestInput) error {
	problem := ""
	switch _, err := provider.ParseName(string(in.Provider)); {
	case err != nil:
		problem = err.Error()
	case in.AccountID == "":
		problem = "account_id is missing"
	case in.From.IsZero() && !in.To.IsZero():
		problem = "to is given without from"
	case !in.To.IsZero() && !in.From.Before(in.To):
		problem = "from is not before to"
	}
	if problem == "" {
		return nil
	}
	return temporal.NewNonRetryableApplicationError("harvest: "+problem, ErrInvalidInput, nil)
}

// harvest is the state of one pass.
type harvest struct {
	in     HarvestInput
	result HarvestResult
	before int // requests ever spent when the pass began
	stop   Stop
	past   int    // windows of the past, the last ones of the plan
	gap    string // why a window could not be listed, though others were
	orgs   []uuid.UUID
	live   bool // a link wants to see meetings run
	ended  bool // a look was the whole pass
}

func (h *harvest) run(ctx workflow.Context) error {
	if err := findable(ctx, AccountIDKey, h.in.AccountID, ProviderKey.ValueSet(string(h.in.Provider))); err != nil {
		return err
	}
	windows, err := h.plan(ctx)
	if err != nil {
		return h.end(ctx, err)
	}
	if h.result.HeldBy != "" {
		h.show(ctx, "held by "+h.result.HeldBy)
		return nil
	}
	if h.ended {
		return h.weave(ctx)
	}
	notListed := h.list(ctx, windows)
	err = notListed
	if !h.stopped() && (notListed == nil || readsAnyway(ctx, notListed)) {
		err = h.read(ctx)
	}
	if err == nil && !h.stopped() {
		err = notListed
	}
	if err == nil && !h.stopped() && h.live {
		err = h.readLive(ctx)
	}
	if h.result.HeldBy != "" {
		h.show(ctx, "held by "+h.result.HeldBy)
		return nil
	}
	if err := h.end(ctx, err); err != nil {
		return err
	}
	return h.weave(ctx)
}

// stopped reports whether the pass is not to ask the provider again.
func (h *harvest) stopped() bool { return h.stop.Type != "" || h.result.HeldBy != "" }

// plan is decided by what the activity says it did, and not by a version: passes that
// began before looks were there went on with what was planned, and so does this one.
func (h *harvest) plan(ctx workflow.Context) ([]provider.Window, error) {
	in := PlanHarvestInput{AccountRef: h.in.AccountRef, At: nominalTime(ctx), From: h.in.From, To: h.in.To, Look: h.in.From.IsZero()}
	h.show(ctx, "looking for what is new")
	var plan PlanHarvestResult
	err := workflow.ExecuteActivity(looking(ctx, h.key(), "Look for what is new"), PlanActivity, in).Get(ctx, &plan)
	h.before, h.past, h.live, h.result.HeldBy = plan.RequestsBefore, plan.Past, plan.Live, plan.HeldBy
	h.result.WindowsListed, h.result.MeetingsFound = plan.Listed, plan.Found
	if h.ended = plan.Ended; h.ended {
		h.orgs = plan.WeaveOrgs
		h.result.Requests, h.result.Remaining, h.result.Stopped = plan.Requests, plan.Remaining, plan.Stopped.Type
		h.result.StoppedDaily = plan.Stopped.Type == ErrRateLimited && plan.Stopped.Daily
		if len(h.orgs) == 0 { // weaving counts them otherwise
			h.result.WaitingWeave = plan.Waiting
		}
	}
	return plan.Windows, err
}

// key is whom the server is fair to: no account waits for what others have to do.
func (h *harvest) key() string { return h.in.AccountRef.String() }

// nominalTime is the time a run is for: when its schedule meant to start it, or when
// somebody did.
func nominalTime(ctx workflow.Context) time.Time {
	if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledAt); ok {
		return at.UTC()
	}
	return workflow.GetInfo(ctx).WorkflowStartTime.UTC()
}

func (h *harvest) list(ctx workflow.Context, windows []provider.Window) error {
	until := workflow.Now(ctx).Add(pastFor)
	for i, window := range windows {
		if i >= len(windows)-h.past && h.in.From.IsZero() && workflow.Now(ctx).After(until) {
			return nil
		}
		h.show(ctx, fmt.Sprintf("listing window %d of %d", i+1, len(windows)))
		summary := fmt.Sprintf("List meetings from %s to %s", window.From.UTC().Format(time.RFC3339), window.To.UTC().Format(time.RFC3339))
		var listed ListMeetingsResult
		err := workflow.ExecuteActivity(listing(ctx, h.key(), summary), ListMeetingsActivity, ListMeetingsInput{
			AccountRef: h.in.AccountRef, Window: window,
		}).Get(ctx, &listed)
		if err != nil {
			return err
		}
		h.result.MeetingsFound += listed.Found
		h.stop, h.result.HeldBy = listed.Stopped, listed.HeldBy
		if h.stopped() {
			return nil
		}
		if listed.Cause != "" {
			h.gap = listed.Cause
			continue
		}
		if !listed.Dropped {
			h.result.WindowsListed++
		}
	}
	return nil
}

// readsAnyway reports whether what is due is read though a list did not come: a trouble of
// the moment with a list says nothing about the meetings that are known.
func readsAnyway(ctx workflow.Context, notListed error) bool {
	return ErrorType(notListed) == ErrTransient && !temporal.IsCanceledError(notListed) &&
		workflow.GetVersion(ctx, changeReadAnyway, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

func (h *harvest) read(ctx workflow.Context) error {
	for round := range maxReadRounds {
		h.show(ctx, fmt.Sprintf("reading meetings, batch %d", round+1))
		var batch ReadMeetingsResult
		err := workflow.ExecuteActivity(harvesting(ctx, h.key(), fmt.Sprintf("Read due meetings, batch %d", round+1)), ReadMeetingsActivity,
			ReadMeetingsInput{AccountRef: h.in.AccountRef}).Get(ctx, &batch)
		if err != nil {
			return err
		}
		h.result.MeetingsRead += batch.Read
		h.result.Legs += batch.Legs
		h.result.MediaSamples += batch.MediaSamples
		h.result.Quarantined += batch.Quarantined
		h.stop, h.result.HeldBy = batch.Stopped, batch.HeldBy
		if h.stopped() || batch.Remaining == 0 {
			return nil
		}
		// What is new is not to wait for the past: the next pass looks for it first. An operator's
		// own pass goes on.
		if batch.OnlyBackfill && h.in.From.IsZero() {
			return nil
		}
	}
	return nil
}

// readLive reads the meetings that run, where the plan says so: a pass that was planned before
// that was there goes on without. It is done last and tried little, for whatever goes wrong
// with it, the records come all the same.
func (h *harvest) readLive(ctx workflow.Context) error {
	h.show(ctx, "reading running meetings")
	var live ReadLiveResult
	err := workflow.ExecuteActivity(watching(ctx, h.key(), "Read running meetings"), ReadLiveActivity, ReadLiveInput{AccountRef: h.in.AccountRef}).Get(ctx, &live)
	if temporal.IsCanceledError(err) {
		return err
	}
	if err != nil {
		workflow.GetLogger(ctx).Warn("running meetings were not read", "error_type", ErrorType(err))
		return nil
	}
	h.result.LiveRead = live.Read
	h.result.Legs += live.Legs
	h.result.MediaSamples += live.MediaSamples
	h.stop, h.result.HeldBy = live.Stopped, live.HeldBy
	return nil
}

// end settles what the pass came to, also where it was canceled, and gives the ledger
// back. It returns the error that the run fails with, if it does.
func (h *harvest) end(ctx workflow.Context, cause error) error {
	if cause != nil && !temporal.IsCanceledError(cause) {
		h.stop = Stop{Type: ErrorType(cause), Daily: DetailsOf(cause).Daily}
	}
	noted := h.stop
	if noted.Type == "" && temporal.IsCanceledError(cause) {
		noted.Type = StopCanceled
	}
	if noted.Type == "" {
		noted.Type = h.gap
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var finished FinishHarvestResult
	err := workflow.ExecuteActivity(bookkeeping(detached, "Note how the harvest ended"), FinishHarvestActivity, FinishHarvestInput{
		AccountRef: h.in.AccountRef, Stopped: noted,
	}).Get(detached, &finished)
	h.orgs, h.result.Remaining, h.result.Stopped = finished.Orgs, finished.Remaining, h.stop.Type
	h.result.StoppedDaily = h.stop.Type == ErrRateLimited && h.stop.Daily
	h.result.Requests = max(0, finished.RequestsAfter-h.before)
	switch {
	case temporal.IsCanceledError(cause):
		return cause
	case cause != nil && !expectedStop(h.stop.Type):
		return cause
	}
	return err
}

// expectedStop reports whether an operator expects passes to end like this now and then.
func expectedStop(errorType string) bool {
	switch errorType {
	case ErrRateLimited, ErrReauthorization, ErrMissingScopes, ErrRefused, ErrTransient, ErrFenced, ErrNotFound:
		return true
	}
	return false
}

// weave has what was harvested woven for every linked org. An org whose weaving fails
// keeps no other from its own, nor the harvest from completing: what is not woven is
// woven after the next poll of that org's devices.
func (h *harvest) weave(ctx workflow.Context) error {
	for _, org := range h.orgs {
		for round := range maxWeaveRounds {
			h.show(ctx, fmt.Sprintf("weaving for org %s, batch %d", org, round+1))
			var woven WeaveResult
			err := workflow.ExecuteActivity(weaving(ctx, h.key(), fmt.Sprintf("Weave for org %s", org)), WeaveActivity, WeaveInput{
				AccountRef: h.in.AccountRef, OrgID: org,
			}).Get(ctx, &woven)
			if temporal.IsCanceledError(err) {
				return err
			}
			if err != nil {
				workflow.GetLogger(ctx).Warn("weaving failed", "org_id", org.String(), "error_type", ErrorType(err))
				break
			}
			h.result.Woven += woven.Minutes
			if woven.Remaining == 0 {
				h.result.WaitingWeave += woven.Waiting
				break
			}
		}
	}
	h.show(ctx, "done")
	return nil
}

// show tells the UI how far the pass is.
func (h *harvest) show(ctx workflow.Context, doing string) {
	r := h.result
	text := fmt.Sprintf("**%s** · %s\n\n%d windows listed, %d meetings found, %d read, %d quarantined, %d legs, %d media samples",
		h.in.AccountRef, doing, r.WindowsListed, r.MeetingsFound, r.MeetingsRead, r.Quarantined, r.Legs, r.MediaSamples)
	if r.Stopped != "" {
		text += "\n\nstopped: " + r.Stopped
	}
	workflow.SetCurrentDetails(ctx, text)
}
