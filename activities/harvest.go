package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/workflows"
)

// Credentials gives access tokens; see package credentials.
type Credentials interface {
	Access(ctx context.Context, ref provider.AccountRef) (secret.Text, error)
	Rejected(ctx context.Context, ref provider.AccountRef, access secret.Text) (secret.Text, error)
	Worked(ctx context.Context, ref provider.AccountRef, access secret.Text) error
	Service(name provider.Name) (provider.Service, error)
	Lacking(ctx context.Context, ref provider.AccountRef, features ...string) ([]string, error)
	UsableUntil() time.Time
	Ready(ref provider.AccountRef, keySealed []byte, row db.Credential) (secret.Text, bool)
	Confirmed(ref provider.AccountRef, access secret.Text)
}

// HarvestConfig says when and how far a harvest looks.
type HarvestConfig struct {
	Interval    time.Duration    // between two harvests of an account
	Lookback    time.Duration    // how far before its first harvest an account is read
	SettleAfter time.Duration    // how long after its end a meeting's data is complete
	Now         func() time.Time // default time.Now
}

// Harvest reads an account's meetings into the store.
type Harvest struct {
	store       *store.Store
	vault       *vault.Vault
	credentials Credentials
	config      HarvestConfig
}

// NewHarvest builds the activities of a harvest.
func NewHarvest(s *store.Store, v *vault.Vault, c Credentials, config HarvestConfig) *Harvest {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Harvest{store: s, vault: v, credentials: c, config: config}
}

const (
	// claimFor is how long a run keeps an account's ledger without being heard of. It
	// outlives the heartbeat timeout and the pause before a retry, so that a worker that
	// dies loses the ledger to nobody else than the retry.
	claimFor = 3 * time.Minute
	// maxWindows is how many windows one pass lists.
	maxWindows = 24
	// ledgerMemory is how long listed windows that later ones cover are kept.
	ledgerMemory = 2 * 24 * time.Hour
)

// The fields that people are sealed for.
const (
	fieldPerson = "person"
	fieldHost   = "host"
)

// PlanHarvest claims the account's ledger, puts what is to be listed into it and returns
// its open windows. Repeating it plans nothing twice: windows have their times as keys.
// Where it is asked to look, it does what there is to do itself if that is as little as it
// mostly is.
func (h *Harvest) PlanHarvest(ctx context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
	if in.Look && in.From.IsZero() {
		result, err := h.look(ctx, in)
		return result, toApplicationError(err)
	}
	result, err := h.plan(ctx, in)
	return result, toApplicationError(err)
}

func (h *Harvest) plan(ctx context.Context, in workflows.PlanHarvestInput) (workflows.PlanHarvestResult, error) {
	heldBy, err := h.store.ClaimHarvest(ctx, in.AccountRef, thisRun(ctx), claimFor)
	if err != nil || heldBy != "" {
		return workflows.PlanHarvestResult{HeldBy: heldBy}, err
	}
	plan, err := h.windows(ctx, in)
	if err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	if len(plan.windows) > 0 {
		if err := h.store.PlanWindows(ctx, in.AccountRef, plan.origin, plan.windows); err != nil {
			return workflows.PlanHarvestResult{}, err
		}
	}
	if plan.deep {
		if err := h.store.PruneWindows(ctx, in.AccountRef, in.At.Add(-ledgerMemory)); err != nil {
			return workflows.PlanHarvestResult{}, err
		}
	}
	open, past, err := h.store.OpenWindows(ctx, in.AccountRef, maxWindows)
	if err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	spent, err := h.store.TotalRequests(ctx, in.AccountRef)
	if err != nil {
		return workflows.PlanHarvestResult{}, err
	}
	live := false
	if plan.now() {
		live, _, err = h.store.LiveBudget(ctx, in.AccountRef, h.config.Now())
	}
	return workflows.PlanHarvestResult{Windows: open, Past: past, RequestsBefore: spent, Live: live}, err
}

func (h *Harvest) windows(ctx context.Context, in workflows.PlanHarvestInput) (windowPlan, error) {
	now := h.config.Now()
	if !in.From.IsZero() {
		return planBackfill(in.From, in.To, now)
	}
	listed, err := h.store.LastListed(ctx, in.AccountRef, deepLook)
	if err != nil {
		return windowPlan{}, err
	}
	return planLive(in.At, now, listed, h.config), nil
}

// Texts that users see on a link whose harvest failed. Mist's users know the first two.
const (
	textDailyLimit  = "API daily rate limit reached for your account"
	textDisabled    = "The account's administrator does not allow the app at the moment, please have it allowed again"
	textChanged     = "The permissions of the app have changed, please re-link your account"
	textRaced       = "The provider does not accept the account's token at the moment, trying again; if that stays so, please re-link your account"
	textRelink      = "OAuth token refresh failed, please re-link your account"
	textRefused     = "The account's plan or the administrator's role does not allow reading meeting quality"
	textUnreachable = "The provider could not be reached, trying again"
	textMalformed   = "The provider gave an answer that cannot be read, trying again"
	textScopes      = "Meetings are not read: the authorization lacks permissions, please add them and re-link your account"
	textOurs        = "The service is not set up correctly, its operators have to mend it"
)

// problemsOf is what users read of why a pass ended early. One that says nothing about the
// account, because it was broken off or the next one simply goes on, is not told.
func problemsOf(stop workflows.Stop) (problems []string, told bool) {
	switch stop.Type {
	case "":
		return nil, true
	case workflows.ErrFenced, workflows.ErrInvalidInput, workflows.StopCanceled:
		return nil, false
	case workflows.ErrRateLimited:
		return []string{textDailyLimit}, stop.Daily
	case workflows.ErrReauthorization:
		return []string{textOfVerdict(stop.Verdict)}, true
	case workflows.ErrMissingScopes:
		return []string{textScopes}, true
	case workflows.ErrRefused:
		return []string{textRefused}, true
	case workflows.ErrTransient, workflows.ErrNotFound:
		return []string{textUnreachable}, true
	case workflows.ErrMalformed:
		return []string{textMalformed}, true
	}
	return []string{textOurs}, true
}

// textOfVerdict says what helps: only a grant that is over needs another one for sure.
func textOfVerdict(verdict string) string {
	switch verdict {
	case provider.VerdictAppDisabled:
		return textDisabled
	case provider.VerdictScopesChanged:
		return textChanged
	case provider.VerdictRaced:
		return textRaced
	}
	return textRelink
}

// FinishHarvest notes on the account's links how the pass ended, gives the ledger back
// and returns the orgs to weave for. Repeating it notes the same again.
func (h *Harvest) FinishHarvest(ctx context.Context, in workflows.FinishHarvestInput) (workflows.FinishHarvestResult, error) {
	result, err := h.finish(ctx, in)
	return result, toApplicationError(err)
}

func (h *Harvest) finish(ctx context.Context, in workflows.FinishHarvestInput) (workflows.FinishHarvestResult, error) {
	now := h.config.Now()
	orgs, err := h.tell(ctx, in.AccountRef, now, in.Stopped)
	if err != nil {
		return workflows.FinishHarvestResult{}, err
	}
	remaining, err := h.store.CountDueMeetings(ctx, in.AccountRef, now)
	if err != nil {
		return workflows.FinishHarvestResult{}, err
	}
	spent, err := h.store.TotalRequests(ctx, in.AccountRef)
	if err != nil {
		return workflows.FinishHarvestResult{}, err
	}
	err = h.store.ReleaseHarvest(ctx, in.AccountRef, thisRun(ctx))
	return workflows.FinishHarvestResult{Orgs: orgs, Remaining: remaining, RequestsAfter: spent}, err
}

// tell notes how a pass ended on the account's links, where that says something about the
// account, and returns their orgs.
func (h *Harvest) tell(ctx context.Context, ref provider.AccountRef, now time.Time, stop workflows.Stop) ([]uuid.UUID, error) {
	problems, told := problemsOf(stop)
	if !told {
		return h.store.HarvestedOrgs(ctx, ref)
	}
	return h.store.LinksSynced(ctx, ref, now, problems)
}

// thisRun is the workflow run that an activity works for.
func thisRun(ctx context.Context) store.Run {
	execution := activity.GetInfo(ctx).WorkflowExecution
	return store.Run{WorkflowID: execution.ID, RunID: execution.RunID}
}

// stopOf says whether an error ends the pass without failing the activity: no other
// request could do better now. What may pass in seconds is left to the activity's retry.
func stopOf(err error) (workflows.Stop, bool) {
	converted := toApplicationError(err)
	switch kind := workflows.ErrorType(converted); kind {
	case workflows.ErrRateLimited, workflows.ErrReauthorization, workflows.ErrMissingScopes, workflows.ErrRefused, workflows.ErrFenced:
		details := workflows.DetailsOf(converted)
		return workflows.Stop{Type: kind, Daily: details.Daily, Verdict: details.Verdict}, true
	}
	return workflows.Stop{}, false
}

// quarantinable returns the error type where an error is about one item and says nothing
// about the others.
func quarantinable(err error) (cause string, ok bool) {
	switch kind := provider.KindOf(err); kind {
	case provider.NotFound, provider.Malformed:
		return string(kind), true
	}
	return "", false
}

// session is an access token in use: it is taken once, for what takes less than the life it
// has left when it is given out, and replaced once for a request that it is rejected for.
type session struct {
	credentials Credentials
	service     provider.Service
	ref         provider.AccountRef
	note        func(ctx context.Context, ref provider.AccountRef) error // of use, for the audit log

	mu     sync.Mutex
	access secret.Text
}

// session refuses with [provider.MissingScopes] what the account's grant does not allow:
// the provider is not even asked.
func (h *Harvest) session(ctx context.Context, ref provider.AccountRef, features ...string) (*session, error) {
	service, err := h.credentials.Service(ref.Provider)
	if err != nil {
		return nil, err
	}
	lacking, err := h.credentials.Lacking(ctx, ref, features...)
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 {
		return nil, &provider.Error{
			Kind: provider.MissingScopes, Operation: strings.Join(features, ", "),
			Err: errors.New("not granted: " + strings.Join(lacking, ", ")),
		}
	}
	return &session{credentials: h.credentials, service: service, ref: ref, note: h.store.NoteUse}, nil
}

// with calls do with a good access token, and once more with another where the provider
// does not accept the first.
func (s *session) with(ctx context.Context, do func(provider.Caller) error) error {
	access, err := s.token(ctx, secret.Text{})
	if err != nil {
		return err
	}
	if err := s.note(ctx, s.ref); err != nil {
		return err
	}
	err = do(provider.Caller{AccountRef: s.ref, Access: access})
	if isUnauthorized(err) {
		if access, err = s.token(ctx, access); err != nil {
			return err
		}
		err = do(provider.Caller{AccountRef: s.ref, Access: access})
	}
	if err != nil {
		return err
	}
	return s.credentials.Worked(ctx, s.ref, access)
}

// token returns the session's access token, another one where it is the rejected one.
func (s *session) token(ctx context.Context, rejected secret.Text) (access secret.Text, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.access.IsZero() && s.access != rejected:
		return s.access, nil
	case rejected.IsZero():
		access, err = s.credentials.Access(ctx, s.ref)
	default:
		access, err = s.credentials.Rejected(ctx, s.ref, rejected)
	}
	s.access = access
	return access, err
}

func isUnauthorized(err error) bool {
	var failure *provider.Error
	return errors.As(err, &failure) && failure.Kind == provider.Unauthorized
}

func invalidInput(format string, args ...any) error {
	return applicationError(fmt.Errorf(format, args...), workflows.ErrInvalidInput, expected())
}
