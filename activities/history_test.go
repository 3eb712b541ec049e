package activities

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// pair is an org and an account that may be linked.
type pair struct{ org, account int }

// belief is what must be so of a pair, where that is certain.
type belief int

const (
	unknown belief = iota
	linked
	unlinked
)

// bystander is the org and the account that nothing happens to.
const bystander = 2

// history is one life of two orgs and two accounts.
type history struct {
	ctx      context.Context //nolint:containedctx // of one test
	t        *rapid.T
	stage    *historyStage
	window   *zoomwindow.Window
	watched  bool // there is a bystander
	orgs     []uuid.UUID
	accounts []*world.Account

	group     sync.WaitGroup
	mu        sync.Mutex
	busy      map[pair]int  // operations under way
	crossed   map[pair]bool // by another one
	contested map[int]bool  // accounts on which operations crossed since the last settling
	believe   map[pair]belief
	problems  []string
	calm      bool // neither Zoom down nor a worker lost since the last settling
	down      *zoomwindow.Injected
}

// worldsMade makes every world another one.
var worldsMade atomic.Uint64

func beginHistory(ctx context.Context, t *rapid.T, s *historyStage, watched bool) *history {
	simulated, err := world.New(world.Config{Seed: worldsMade.Add(1), Orgs: 3, SitesPerOrg: 1, APsPerSite: 1, Accounts: 3, PeoplePerOrg: 12})
	if err != nil {
		t.Fatal(err)
	}
	h := &history{
		ctx: ctx, t: t, stage: s, watched: watched, accounts: simulated.Accounts, busy: map[pair]int{}, crossed: map[pair]bool{}, believe: map[pair]belief{}, contested: map[int]bool{}, calm: true,
		window: zoomwindow.New(simulated, zoomwindow.Config{
			Clients: []zoomwindow.Client{{
				ID: "client", Secret: "client-secret", RedirectURIs: []string{zoomRedirect}, Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
			}},
			OAuth: zoomwindow.OAuthOptions{RefreshGrace: time.Hour}, // as the live service was seen to do: a lost reply is no loss
		}),
	}
	s.window.Store(h.window)
	s.troubles.clear()
	for range len(h.accounts) {
		org := uuid.New()
		h.orgs = append(h.orgs, org)
		err := s.store.PutOrg(ctx, db.UpsertOrgParams{OrgID: org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}})
		if err != nil {
			t.Fatal(err)
		}
		for account := range h.accounts {
			h.believe[pair{len(h.orgs) - 1, account}] = unlinked
		}
	}
	if watched {
		h.happen(event{Kind: evLink, Org: bystander, Account: bystander, Wait: true})
	}
	return h
}

func (h *history) ref(account int) provider.AccountRef {
	return provider.AccountRef{Provider: provider.Zoom, AccountID: h.accounts[account].ID}
}

// happen lets an event happen.
func (h *history) happen(e event) {
	h.t.Log(e)
	p := pair{e.Org, e.Account}
	switch e.Kind {
	case evLink:
		h.operate(e.Wait, linked, []pair{p}, func() bool { return h.link(p) })
		h.fill(p)
	case evUnlink:
		h.operate(e.Wait, unlinked, []pair{p}, func() bool { return h.unlink(p) })
	case evUnlinkTwice:
		h.operate(false, unlinked, []pair{p}, func() bool { return h.unlink(p) })
		h.operate(e.Wait, unlinked, []pair{p}, func() bool { return h.unlink(p) })
	case evRefresh:
		h.operate(e.Wait, unknown, nil, func() bool { h.refresh(e.Account); return true })
	case evUninstall:
		_ = h.window.Uninstall(h.ctx, "client", h.accounts[e.Account].ID) // there is no webhook to fail
		h.disturb(e.Account)
	case evDeauthorize:
		_ = h.window.Uninstall(h.ctx, "client", h.accounts[e.Account].ID)
		h.disturb(e.Account)
		h.deauthorized(e.Account)
	case evZoomDown:
		h.zoomDown()
	case evZoomUp:
		h.zoomUp()
	case evCrash, evDie:
		if err := h.stage.crash(h.ctx, e.Kind == evDie); err != nil {
			h.t.Fatal(err)
		}
	case evTrouble:
		h.stage.troubles.add(e.Trouble)
	case evSettle:
		h.settle()
	}
}

// operate runs an operation on pairs and believes in its outcome unless another one
// crossed it. Nobody waits while Zoom is down: it may be what is waited for.
func (h *history) operate(wait bool, outcome belief, pairs []pair, do func() bool) {
	h.mu.Lock()
	for _, p := range pairs {
		if h.busy[p] > 0 {
			h.crossed[p] = true
		}
		for other, n := range h.busy {
			if n > 0 && other.account == p.account {
				h.contested[p.account] = true
			}
		}
		h.busy[p]++
		h.believe[p] = unknown
	}
	h.mu.Unlock()
	done := make(chan struct{})
	h.group.Go(func() {
		defer close(done)
		ok := do()
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, p := range pairs {
			h.busy[p]--
			if ok && !h.crossed[p] {
				h.believe[p] = outcome
			}
			if h.busy[p] == 0 {
				h.crossed[p] = false
			}
		}
	})
	if wait && h.down == nil {
		<-done
	}
}

// disturb forgets what is believed of an account's links: what the provider ended is
// unlinked, or failed, or linked by an authorization that came later.
func (h *history) disturb(account int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calm = false
	for p := range h.believe {
		if p.account == account {
			h.believe[p] = unknown
			h.crossed[p] = h.busy[p] > 0
		}
	}
}

func (h *history) problem(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problems = append(h.problems, text)
}

// link goes through an authorization as an administrator does.
func (h *history) link(p pair) bool {
	s, id := h.stage, uuid.New()
	verifier, err := s.master.SealText(vault.PurposeVerifier, secret.New(zoomVerifier))
	if err != nil {
		h.problem(err.Error())
		return false
	}
	err = s.store.OfferAuthorization(h.ctx, db.OfferAuthorizationParams{
		AuthorizationID: id, OrgID: h.orgs[p.org], Provider: string(provider.Zoom), RequestedBy: "cli", ForwardUrl: "https://portal.example",
		VerifierSealed: verifier, ExpiresAt: time.Now().Add(10 * time.Minute),
	})
	if err != nil {
		h.problem(err.Error())
		return false
	}
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(h.ctx, s.zoom.AuthorizationURL("state", secret.New(zoomVerifier)), h.accounts[p.account].Admins[0].Email)
	if err != nil {
		h.problem(err.Error())
		return false
	}
	returned, err := url.Parse(back)
	if err != nil {
		h.problem(err.Error())
		return false
	}
	code, err := s.master.SealText(vault.PurposeCode, secret.New(returned.Query().Get("code")))
	if err != nil {
		h.problem(err.Error())
		return false
	}
	first, err := s.store.ReturnAuthorization(h.ctx, id, code, time.Now())
	if err != nil {
		h.problem(err.Error())
	}
	if err != nil || !first {
		return false // an unlinking took the offer with it
	}
	result, err := s.flows.Authorize(h.ctx, id)
	if err != nil {
		h.problem("authorize: " + err.Error())
		return false
	}
	if result.ErrorCode != "" {
		h.refused(p, result.ErrorCode)
	}
	return result.ErrorCode == ""
}

// refused is a fault where nothing stood in the authorization's way. Of two authorizations
// of one account at once, whoever's, the later one ends the earlier one's grant.
func (h *history) refused(p pair, code string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if code == workflows.CodeSuperseded && h.contested[p.account] {
		return
	}
	if h.calm && !h.crossed[p] && h.busy[p] == 1 {
		h.problems = append(h.problems, "an undisturbed authorization was refused: "+code)
	}
}

func (h *history) unlink(p pair) bool {
	err := h.stage.unlinker.Unlink(h.ctx, h.ref(p.account), h.orgs[p.org], "cli", "admin")
	switch {
	case err == nil:
		return true
	case errors.Is(err, store.ErrNotFound): // it never was
		return true
	case errors.Is(err, links.ErrUnconfirmed): // a dead worker is missed after half a minute
		return false
	}
	h.problem("unlink: " + err.Error())
	return false
}

// refresh has the account's pair rotated by another process than the worker, if it can be.
func (h *history) refresh(account int) {
	ref := h.ref(account)
	h.age(ref)
	if access, err := h.stage.manager.Access(h.ctx, ref); err == nil {
		_, _ = h.stage.zoom.Account(h.ctx, access) // Zoom may be down, or the token dead
	}
}

// age lets time pass for a credential.
func (h *history) age(ref provider.AccountRef) {
	_, err := h.stage.pool.Exec(h.ctx, `update credentials set access_expires_at = now(), refreshed_at = now() - interval '10 minutes'
		where provider = $1 and account_id = $2 and state = 'active'`, ref.Provider, ref.AccountID)
	if err != nil {
		h.problem(err.Error())
	}
}

// deauthorized is what the webhook's handler does with the event.
func (h *history) deauthorized(account int) {
	ours, err := h.stage.store.ReceiveWebhook(h.ctx, store.Webhook{
		AccountRef: h.ref(account), Key: [32]byte(append(make([]byte, 16), newID()...)), Event: "app_deauthorized",
		UserID: h.accounts[account].Admins[0].ZoomUserID, At: time.Now(),
	})
	if err != nil {
		h.problem("receive webhook: " + err.Error())
	}
	if ours {
		if err := h.stage.flows.Arrived(h.ctx); err != nil {
			h.problem("arrived: " + err.Error())
		}
	}
}

func newID() []byte {
	id := uuid.New()
	return id[:]
}

func (h *history) zoomDown() {
	if h.down != nil {
		return
	}
	h.mu.Lock()
	h.calm = false
	h.mu.Unlock()
	var err error
	h.down, err = h.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Path: "^/(oauth/(token|revoke)|v2)", Count: -1})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) zoomUp() {
	if h.down != nil {
		h.window.Faults.Remove(h.down.ID)
		h.down = nil
	}
}
