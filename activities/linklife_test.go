package activities

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
	"callweave/workflows"
)

const (
	zoomRedirect = "https://callweave.test/callback"
	zoomVerifier = "verifier-verifier-verifier-verifier-verifier-1"
)

// lifeBundle is a worker with our workflows on real Temporal and Postgres, and a
// simulated Zoom.
type lifeBundle struct {
	window   *zoomwindow.Window
	account  *world.Account
	ref      provider.AccountRef
	zoom     *zoom.Client
	store    *store.Store
	vault    *vault.Vault
	temporal client.Client
}

func setupLife(t *testing.T, also ...func(worker.ActivityRegistry)) *lifeBundle {
	t.Helper()
	simulated, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	b := &lifeBundle{account: simulated.Accounts[0]}
	b.ref = provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}
	b.window = zoomwindow.New(simulated, zoomwindow.Config{Clients: []zoomwindow.Client{{
		ID: "client", Secret: "client-secret", RedirectURIs: []string{zoomRedirect}, Scopes: []string{"user:read:admin"},
	}}})
	server := httptest.NewServer(b.window)
	t.Cleanup(server.Close)
	b.zoom = zoom.New(zoom.Config{
		ClientID: "client", ClientSecret: secret.New("client-secret"), RedirectURL: zoomRedirect,
		OAuthURL: server.URL + "/oauth", APIURL: server.URL + "/v2",
	})
	if b.store, err = store.Open(t.Context(), testenv.Postgres(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault.New(master, b.store)

	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	b.temporal, err = temporalclient.Dial(t.Context(),
		client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}, master, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.temporal.Close)
	hosted := worker.New(b.temporal, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	workflows.RegisterWorkflows(hosted)
	manager := credentials.New(b.store, b.vault, credentials.Config{}, b.zoom)
	schedules := &Schedules{Store: b.store, Temporal: b.temporal, HarvestInterval: time.Hour, DevicesInterval: time.Hour}
	Register(hosted, Set{
		Links:     &Links{Store: b.store, Vault: b.vault, Credentials: manager, Temporal: b.temporal},
		Schedules: schedules,
		Sweeps:    &Sweeps{Store: b.store, Temporal: b.temporal, Schedules: schedules},
		Erasure:   &Erasure{Store: b.store, Vault: b.vault, Credentials: manager},
	})
	for _, register := range also {
		register(hosted)
	}
	if err := hosted.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hosted.Stop)
	return b
}

// org registers an org.
func (b *lifeBundle) org(t *testing.T) uuid.UUID {
	t.Helper()
	org := uuid.New()
	if err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}}); err != nil {
		t.Fatal(err)
	}
	return org
}

// code has the account's owner allow us in a browser.
func (b *lifeBundle) code(t *testing.T) secret.Text {
	t.Helper()
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(t.Context(), b.zoom.AuthorizationURL("state", secret.New(zoomVerifier)), b.account.Admins[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(returned.Query().Get("code"))
}

// authorize goes through an authorization that came back with a code.
func (b *lifeBundle) authorize(t *testing.T, org uuid.UUID, code secret.Text) workflows.AuthorizeResult {
	t.Helper()
	id := uuid.New()
	verifier, err := b.vault.Master().SealText(vault.PurposeVerifier, secret.New(zoomVerifier))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := b.vault.Master().SealText(vault.PurposeCode, code)
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.OfferAuthorization(t.Context(), db.OfferAuthorizationParams{
		AuthorizationID: id, OrgID: org, Provider: string(provider.Zoom), RequestedBy: "cli", ForwardUrl: "https://portal.example",
		VerifierSealed: verifier, ExpiresAt: time.Now().Add(10 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.ReturnAuthorization(t.Context(), id, sealed, time.Now()); err != nil {
		t.Fatal(err)
	}
	run, err := b.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.AuthorizeID(id), TaskQueue: workflows.TaskQueue},
		workflows.AuthorizeWorkflow, workflows.AuthorizeInput{AuthorizationID: id})
	if err != nil {
		t.Fatal(err)
	}
	var result workflows.AuthorizeResult
	if err := run.Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	row, err := b.store.Authorization(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if row.CodeSealed != nil || len(row.VerifierSealed) > 0 {
		t.Error("secrets of the authorization are left")
	}
	return result
}

// unlink asks for the end of a link and waits for it.
func (b *lifeBundle) unlink(t *testing.T, org uuid.UUID) workflows.DeboardResult {
	t.Helper()
	handle, err := b.temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: workflows.LinkID(b.ref, org), UpdateName: workflows.UnlinkMessage,
		Args: []any{workflows.Unlink{Reason: "admin"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		t.Fatal(err)
	}
	var fenced workflows.UnlinkResult
	if err := handle.Get(t.Context(), &fenced); err != nil {
		t.Fatal(err)
	}
	if err := b.temporal.GetWorkflow(t.Context(), workflows.LinkID(b.ref, org), "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var result workflows.DeboardResult
	if err := b.temporal.GetWorkflow(t.Context(), fenced.DeboardID, "").Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// awaitSchedules waits until exactly the wanted schedules exist.
func (b *lifeBundle) awaitSchedules(t *testing.T, want map[string]bool) {
	t.Helper()
	for id, exists := range want {
		testenv.Eventually(t, func() string {
			_, err := b.temporal.ScheduleClient().GetHandle(t.Context(), id).Describe(t.Context())
			var missing *serviceerror.NotFound
			if err != nil && !errors.As(err, &missing) {
				t.Fatalf("schedule %s: %v", id, err)
			}
			if (err == nil) != exists {
				return fmt.Sprintf("schedule %s: there is %v, want %v", id, err == nil, exists)
			}
			return ""
		})
	}
}

func (b *lifeBundle) newestGrant() zoomwindow.GrantState {
	grants := b.window.Grants()
	return grants[len(grants)-1]
}

// Two orgs on one account, from the first click to the last row.
func TestLinkLife(t *testing.T) {
	t.Parallel()
	b := setupLife(t)
	first, second := b.org(t), b.org(t)
	harvest := workflows.HarvestID(b.ref)

	if got := b.authorize(t, first, secret.New("no code of Zoom's")); got.ErrorCode != workflows.CodeRejected {
		t.Errorf("a wrong code: %+v, want %q", got, workflows.CodeRejected)
	}
	if _, err := b.store.Account(t.Context(), b.ref); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a refused authorization left an account: %v", err)
	}
	for _, org := range []uuid.UUID{first, second, first} { // the third is a re-authorization
		got := b.authorize(t, org, b.code(t))
		if got.ErrorCode != "" || got.AccountRef != b.ref || got.OrgID != org {
			t.Fatalf("authorize = %+v", got)
		}
	}
	b.awaitSchedules(t, map[string]bool{harvest: true, workflows.DevicesID(first): true, workflows.DevicesID(second): true})
	link, err := b.store.Link(t.Context(), b.ref, first)
	if err != nil {
		t.Fatal(err)
	}
	if len(link.Link.MissingScopes) == 0 {
		t.Error("the app has no scope for the dashboard, and the link does not say so")
	}

	result := b.unlink(t, first)
	if result.LastLink || result.TokenOutcome != store.TokenKept {
		t.Errorf("first unlink = %+v, want not last, token kept", result)
	}
	if dead := b.newestGrant().Dead; dead != "" {
		t.Errorf("the token that the other org needs is %s", dead)
	}
	b.awaitSchedules(t, map[string]bool{harvest: true, workflows.DevicesID(first): false, workflows.DevicesID(second): true})

	result = b.unlink(t, second)
	if !result.LastLink || result.TokenOutcome != store.TokenRevoked || result.RowsErased == 0 {
		t.Errorf("last unlink = %+v, want last, token revoked", result)
	}
	if dead := b.newestGrant().Dead; dead != "revoked" {
		t.Errorf("at Zoom the grant is %q, want revoked", dead)
	}
	b.awaitSchedules(t, map[string]bool{harvest: false, workflows.DevicesID(first): false, workflows.DevicesID(second): false})
	receipt, err := b.store.Receipt(t.Context(), result.ReceiptID)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.FinishedAt == nil || receipt.TokenOutcome != store.TokenRevoked || receipt.TokenAt == nil {
		t.Errorf("receipt: finished %v, token %q at %v", receipt.FinishedAt, receipt.TokenOutcome, receipt.TokenAt)
	}

	// And again from the start, with new keys.
	if got := b.authorize(t, first, b.code(t)); got.ErrorCode != "" {
		t.Errorf("link again = %+v", got)
	}
	b.awaitSchedules(t, map[string]bool{harvest: true, workflows.DevicesID(first): true})
}
