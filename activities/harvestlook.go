package activities

import (
	"context"
	"errors"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// lookFor bounds the lists of a look. An account whose lists take longer is listed by an
// activity that heartbeats: at 12 pages of 300 a minute, this is time for some thousand
// meetings.
const lookFor = 45 * time.Second

// look is the whole pass of an account that has nothing new, which most accounts have most
// of the time: it lists the one window that is open, finds nothing to read, notes that and
// gives the ledger back. Its statements are few: what it needs comes with the claim, what
// it learns goes with the release. Where there is more to do, or anything is not as it
// mostly is, it leaves that to the activities that are there for it.
type look struct {
	*Harvest
	in      workflows.PlanHarvestInput
	service provider.Service
	seen    store.Looked
	plan    windowPlan
	access  secret.Text
	worked  int64 // the generation of the token pair that worked; 0 while none did
	prepaid *store.Prepaid
}

func (h *Harvest) look(ctx context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
	service, err := h.credentials.Service(in.Provider)
	if err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	l := &look{Harvest: h, in: in, service: service}
	if err := l.begin(ctx); err != nil || l.seen.HeldBy != "" {
		return workflows.PlanHarvestResult{HeldBy: l.seen.HeldBy}, err
	}
	l.plan = planLive(in.At, h.config.Now(), l.seen.Listed, h.config)
	if !l.usual() {
		if err := l.refund(ctx, l.seen.Charged); err != nil {
			return workflows.PlanHarvestResult{}, err
		}
		return h.plan(ctx, in)
	}
	if len(l.plan.windows) == 0 {
		if err := l.refund(ctx, l.seen.Charged); err != nil {
			return workflows.PlanHarvestResult{}, err
		}
		return l.conclude(ctx, provider.Window{}, 0, 0)
	}
	return l.list(ctx, l.plan.windows[0])
}

// listCategorizer is a service that says what requests for a list are charged to.
type listCategorizer interface{ ListCategory() string }

// listKinds are the lists that make up a window.
func listKinds() []provider.ListKind {
	return []provider.ListKind{provider.ListPast, provider.ListPastOne}
}

func (l *look) begin(ctx context.Context) (err error) {
	in := store.LookInput{
		AccountRef: l.in.AccountRef, Run: thisRun(ctx), Hold: claimFor, Now: l.config.Now(), At: l.in.At, Deep: deepLook,
		Scope: string(vault.AccountScope(l.in.AccountRef)), UsableUntil: l.credentials.UsableUntil(),
	}
	if service, ok := l.service.(listCategorizer); ok {
		in.Category, in.Requests = service.ListCategory(), len(listKinds())
	}
	l.seen, err = l.store.BeginLook(ctx, in)
	return err
}

// refund gives back what was charged and is not sent.
func (l *look) refund(ctx context.Context, requests int) error {
	service, ok := l.service.(listCategorizer)
	if !ok {
		return nil
	}
	return l.store.Refund(ctx, l.in.AccountRef, l.seen, service.ListCategory(), requests)
}

// usual reports whether the account was listed before, and there is nothing to list but
// the window that follows.
func (l *look) usual() bool {
	open, windows := l.seen.Open, l.plan.windows
	switch {
	case l.seen.Listed.To.IsZero(), len(windows) > 1, open.Kept:
		return false
	case len(windows) == 0:
		return open.Windows == 0
	}
	covered := open.Windows == 0 || !open.From.Before(windows[0].From) && !open.To.After(windows[0].To)
	return l.plan.origin == store.OriginLive && covered
}

// list lists the window, and concludes the pass unless there is something to read or the
// list does not come.
func (l *look) list(ctx context.Context, window provider.Window) (workflows.PlanHarvestResult, error) {
	seen, added, err := l.listOnce(ctx, window)
	if ctx.Err() != nil {
		return workflows.PlanHarvestResult{}, ctx.Err()
	}
	if refunded := l.refund(ctx, l.prepaid.Left()); refunded != nil {
		return workflows.PlanHarvestResult{}, refunded
	}
	if err == nil {
		return l.conclude(ctx, window, seen, added)
	}
	if stop, ok := stopOf(err); ok {
		return l.stop(ctx, window, stop)
	}
	// Tries of a list that does not come are the list activity's.
	if err := l.store.PlanWindows(ctx, l.in.AccountRef, store.OriginLive, l.plan.windows); err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	return workflows.PlanHarvestResult{Windows: l.plan.windows, RequestsBefore: l.seen.RequestsBefore, Live: l.seen.Live}, nil
}

func (l *look) listOnce(ctx context.Context, window provider.Window) (seen, added int, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	_, l.prepaid = store.WithPrepaid(ctx, l.in.AccountRef, "", 0)
	if l.seen.Charged == 0 {
		// A token that is about to expire is refreshed first.
		if _, err := l.credentials.Access(ctx, l.in.AccountRef); err != nil {
			return 0, 0, err
		}
		if err := l.begin(ctx); err != nil {
			return 0, 0, err
		}
		if l.seen.HeldBy != "" {
			return 0, 0, errors.New("the claim was lost")
		}
	}
	if service, ok := l.service.(listCategorizer); ok {
		ctx, l.prepaid = store.WithPrepaid(ctx, l.in.AccountRef, service.ListCategory(), l.seen.Charged)
	}
	in := workflows.ListMeetingsInput{AccountRef: l.in.AccountRef, Window: window}
	access, ready := l.credentials.Ready(l.in.AccountRef, l.seen.KeySealed, l.seen.Credential)
	if !ready || len(provider.Lacking(l.service, provider.Grant{Scopes: l.seen.Credential.Scopes}, provider.FeatureMeetings)) > 0 {
		return l.Harvest.list(ctx, in)
	}
	key, err := l.vault.OpenKey(vault.AccountScope(l.in.AccountRef), l.seen.KeySealed)
	if err != nil {
		return 0, 0, err
	}
	l.access = access
	session := &session{
		credentials: &confirming{Credentials: l.credentials, look: l}, service: l.service, ref: l.in.AccountRef,
		access: access, note: func(context.Context, provider.AccountRef) error { return nil }, // it is noted
	}
	seen, added, err = l.listWith(ctx, session, key, in, false)
	return seen, added, err
}

// confirming leaves it to the end of a look to note that its access token worked.
type confirming struct {
	Credentials
	look *look
}

// Worked implements [Credentials].
func (c *confirming) Worked(ctx context.Context, ref provider.AccountRef, access secret.Text) error {
	if access != c.look.access {
		return c.Credentials.Worked(ctx, ref, access)
	}
	if c.look.seen.Credential.PriorGrantSealed != nil {
		c.look.worked = c.look.seen.Credential.Generation
	}
	return nil
}

// conclude ends the pass, or leaves it to be gone on with where a meeting is to be read, be it
// a running one.
func (l *look) conclude(ctx context.Context, window provider.Window, seen, added int) (workflows.PlanHarvestResult, error) {
	result := workflows.PlanHarvestResult{Found: added, RequestsBefore: l.seen.RequestsBefore, Live: l.seen.Live && l.plan.now()}
	ending := l.ending(ctx, window)
	ending.Meetings = seen
	if window != (provider.Window{}) {
		result.Listed = 1
	}
	due := l.seen.Due
	if !due && !result.Live && seen > 0 {
		count, err := l.store.CountDueMeetings(ctx, l.in.AccountRef, l.config.Now())
		if err != nil {
			return workflows.PlanHarvestResult{}, err
		}
		due = count > 0
	}
	if due || result.Live {
		ending.Told, ending.Run = false, store.Run{} // the pass goes on, and the ledger stays its own
		return result, l.end(ctx, ending)
	}
	return l.over(ctx, result, ending)
}

// stop ends a pass whose list did not come for a reason that no other request changes.
func (l *look) stop(ctx context.Context, window provider.Window, stop workflows.Stop) (workflows.PlanHarvestResult, error) {
	result := workflows.PlanHarvestResult{Stopped: stop}
	ending := l.ending(ctx, window)
	ending.Cause = stop.Type
	ending.Problems, ending.Told = problemsOf(stop)
	if l.seen.Due {
		var err error
		if result.Remaining, err = l.store.CountDueMeetings(ctx, l.in.AccountRef, l.config.Now()); err != nil {
			return workflows.PlanHarvestResult{}, err
		}
	}
	return l.over(ctx, result, ending)
}

// over ends the pass.
func (l *look) over(ctx context.Context, result workflows.PlanHarvestResult, ending store.LookEnd) (workflows.PlanHarvestResult, error) {
	if err := l.end(ctx, ending); err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	result.Ended, result.WeaveOrgs, result.Waiting = true, l.seen.WeaveOrgs, l.seen.Waiting
	if l.prepaid != nil {
		result.Requests = l.prepaid.Spent()
	}
	return result, nil
}

// ending is how a look ends where all went well.
func (l *look) ending(ctx context.Context, window provider.Window) store.LookEnd {
	ending := store.LookEnd{
		AccountRef: l.in.AccountRef, Run: thisRun(ctx), Now: l.config.Now(), Window: window, Told: true, Generation: l.worked,
	}
	if l.plan.deep {
		ending.PruneBefore = l.in.At.Add(-ledgerMemory)
	}
	return ending
}

func (l *look) end(ctx context.Context, ending store.LookEnd) error {
	if err := l.store.EndLook(ctx, ending); err != nil {
		return err
	}
	if l.worked != 0 {
		l.credentials.Confirmed(l.in.AccountRef, l.access)
	}
	return nil
}
