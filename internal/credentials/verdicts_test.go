package credentials

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/world/zoomwindow"
)

// nearlyOver is when an access token is refreshed.
const nearlyOver = time.Hour - margin + time.Second

// lostReply is what evidence says where the provider may have rotated the pair and we
// never heard of it.
const lostReply = "never answered"

// Every verdict on a token pair: what it is called, whether it ends the link, and what an
// operator can tell from the evidence. Only a grant that is really gone ends a link.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	grace := func(o *zoomwindow.OAuthOptions) { o.RefreshGrace = time.Minute }
	always := func(fault zoomwindow.Fault) func(*testing.T, *bundle) {
		fault.Count = -1
		return func(t *testing.T, b *bundle) { t.Helper(); b.spoil(t, fault) }
	}
	tests := []struct {
		name    string
		oauth   func(*zoomwindow.OAuthOptions)
		spoil   zoomwindow.Fault // of the token endpoint, once
		happens func(*testing.T, *bundle)
		access  func(*testing.T, *bundle) (secret.Text, error) // default: the manager's
		kind    provider.Kind                                  // of the error; "" for none
		failed  bool                                           // the link, and the credential dead
		verdict string
		asked   int  // how often Zoom gave a new pair; 0 is not checked
		lost    bool // the evidence or the audit log tells that a reply may have been lost
	}{
		{name: "nothing happens", asked: 1},
		{
			name: "reply lost after the rotation", oauth: grace, asked: 2, lost: true,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultCut},
		},
		{
			name: "half a reply after the rotation", oauth: grace, asked: 2, lost: true,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultTruncated},
		},
		{
			name: "reply is no JSON after the rotation", oauth: grace, asked: 2, lost: true,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultMalformedJSON},
		},
		{
			name: "reply lost, and the old token is dead at once", kind: provider.Reauthorization, failed: true, verdict: "revoked", lost: true,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultCut},
		},
		{
			name: "killed before the reply", oauth: grace, asked: 2, lost: true,
			happens: killWaiting,
		},
		{
			name: "killed before the reply, and the old token is dead at once", kind: provider.Reauthorization, failed: true, verdict: "revoked", lost: true,
			happens: killWaiting,
		},
		{
			name: "killed between the reply and the commit", oauth: grace, asked: 2, lost: true,
			happens: killCommitting,
		},
		{
			name: "killed between the reply and the commit, and the old token is dead at once", kind: provider.Reauthorization, failed: true, verdict: "revoked", lost: true,
			happens: killCommitting,
		},
		{name: "eight at once in four programs", access: eightAtOnce, asked: 1},
		{name: "eight at once whose token was rejected", access: eightRejected, asked: 1},
		{
			name: "server error with a JSON body", kind: provider.Transient, verdict: "transient", lost: true,
			happens: always(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503}),
		},
		{
			name: "server error with a page", kind: provider.Transient, verdict: "transient", lost: true,
			happens: always(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 502, Format: "html"}),
		},
		{
			name: "a proxy's page", kind: provider.Transient, verdict: "transient", lost: true,
			happens: always(zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML}),
		},
		{
			name: "rate limited", kind: provider.RateLimited, verdict: "rate_limited",
			happens: always(zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit}),
		},
		{
			name: "app removed by an administrator", kind: provider.Reauthorization, failed: true, verdict: "revoked",
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				if err := b.window.Uninstall(t.Context(), clientID, b.account.ID); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "another authorization (4741)", kind: provider.Reauthorization, failed: true, verdict: "revoked",
			happens: func(t *testing.T, b *bundle) { t.Helper(); b.authorize(t) },
		},
		{
			name: "as of old: 401 invalid_request", kind: provider.Reauthorization, failed: true, verdict: "revoked",
			oauth:   func(o *zoomwindow.OAuthOptions) { o.OldErrors = true },
			happens: func(t *testing.T, b *bundle) { t.Helper(); b.authorize(t) },
		},
		{
			name: "not used for 90 days", kind: provider.Reauthorization, failed: true, verdict: "expired",
			happens: func(_ *testing.T, b *bundle) { b.pass(91 * 24 * time.Hour) },
		},
		{
			name: "owner left the account (4735)", kind: provider.Reauthorization, failed: true, verdict: "admin_removed",
			happens: func(_ *testing.T, b *bundle) { b.window.RemoveUser(b.account.Admins[0].ZoomUserID) },
		},
		{
			name: "approval withdrawn (4738)", kind: provider.Reauthorization, verdict: "app_disabled",
			happens: func(_ *testing.T, b *bundle) { b.window.WithdrawApproval(clientID, b.account.ID, true) },
		},
		{
			name: "used more often than tolerated (4740)", kind: provider.Reauthorization, verdict: "raced", lost: true,
			oauth: func(o *zoomwindow.OAuthOptions) { o.RefreshGrace, o.RefreshTolerance = time.Minute, 1 },
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				b.spoil(t, zoomwindow.Fault{Kind: zoomwindow.FaultCut, Count: 2})
				if _, err := b.manager.Access(t.Context(), b.ref); provider.KindOf(err) != provider.Transient {
					t.Fatalf("Access while replies are lost = %v, want transient", err)
				}
			},
		},
		{
			name: "app disabled (4717)", kind: provider.Misconfigured, verdict: "app_disabled",
			happens: func(_ *testing.T, b *bundle) { b.window.DisableApp(clientID, true) },
		},
		{
			name: "scopes of the app changed (4711)", kind: provider.Reauthorization, verdict: "scopes_changed",
			happens: func(_ *testing.T, b *bundle) { b.window.SetScopes(clientID, "user:read:admin") },
		},
		{
			name: "our secret is wrong (invalid_client)", kind: provider.Misconfigured, verdict: "invalid_client",
			happens: func(_ *testing.T, b *bundle) { b.manager = b.worker(b.client("wrong")) },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.oauth)
			b.pass(nearlyOver)
			if test.spoil.Kind != "" {
				b.spoil(t, test.spoil)
			}
			if test.happens != nil {
				test.happens(t, b)
			}
			if test.access == nil {
				test.access = func(t *testing.T, b *bundle) (secret.Text, error) {
					t.Helper()
					return b.manager.Access(t.Context(), b.ref)
				}
			}
			access, err := test.access(t, b)
			row := b.row(t)
			if verdict := deref(row.Verdict); verdict != test.verdict {
				t.Errorf("verdict = %q, want %q", verdict, test.verdict)
			}
			if dead := row.State == store.CredentialDead; dead != test.failed {
				t.Errorf("credential dead = %v, want %v", dead, test.failed)
			}
			b.requireLink(t, test.failed)
			if told := b.told.Load() == 1; told != test.failed {
				t.Errorf("told that the link failed: %v, want %v", told, test.failed)
			}
			if told := b.audit(t) + deref(row.Evidence); strings.Contains(told, lostReply) != test.lost && strings.Contains(told, "unanswered_since") != test.lost {
				t.Errorf("evidence %q, want a lost reply: %v", told, test.lost)
			}
			if n := b.refreshes(); test.asked != 0 && n != test.asked {
				t.Errorf("Zoom gave %d pairs, want %d", n, test.asked)
			}
			// What has an answer is not in flight; what has none still may be.
			if waiting := row.RefreshBeganAt != nil; waiting != (test.kind == provider.Transient) {
				t.Errorf("a refresh is noted as unanswered: %v (%v)", waiting, row.RefreshBeganAt)
			}
			if test.kind == "" {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.zoom.Account(t.Context(), access); err != nil {
					t.Errorf("Zoom does not accept the token: %v", err)
				}
				return
			}
			var failure *provider.Error
			if !errors.As(err, &failure) || failure.Kind != test.kind {
				t.Fatalf("Access = %v, want an error of kind %s", err, test.kind)
			}
			if row.Evidence == nil || *row.Evidence == "" {
				t.Error("no evidence is kept")
			}
		})
	}
}

// eightAtOnce asks from four programs.
func eightAtOnce(t *testing.T, b *bundle) (secret.Text, error) {
	t.Helper()
	return b.atOnce(t, func(m *Manager) (secret.Text, error) { return m.Access(t.Context(), b.ref) })
}

func eightRejected(t *testing.T, b *bundle) (secret.Text, error) {
	t.Helper()
	first := b.pair(t).Access
	b.pass(-nearlyOver) // the token is fresh, but not accepted
	return b.atOnce(t, func(m *Manager) (secret.Text, error) { return m.Rejected(t.Context(), b.ref, first) })
}

func (b *bundle) atOnce(t *testing.T, ask func(*Manager) (secret.Text, error)) (secret.Text, error) {
	t.Helper()
	before := b.pair(t).Access
	var group errgroup.Group
	got := make([]secret.Text, 8)
	workers := []*Manager{b.worker(b.zoom), b.worker(b.zoom), b.worker(b.zoom), b.worker(b.zoom)}
	for i := range got {
		group.Go(func() (err error) {
			got[i], err = ask(workers[i%len(workers)])
			return err
		})
	}
	err := group.Wait()
	for _, access := range got {
		if err == nil && (!same(access, got[0]) || same(access, before)) {
			t.Error("the workers have different tokens, or the old one")
		}
	}
	if row := b.row(t); row.Generation != 2 {
		t.Errorf("generation = %d, want 2", row.Generation)
	}
	return got[0], err
}

// audit is what the audit log tells of the credential.
func (b *bundle) audit(t *testing.T) string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "select action, detail::text from audit_log where actor = 'credentials'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var told strings.Builder
	for rows.Next() {
		var action, detail string
		if err := rows.Scan(&action, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&told, action, detail)
	}
	return told.String()
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
