package credentials

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
)

// nearlyOver is when an access token is refreshed.
const nearlyOver = time.Hour - margin + time.Second

func TestVerdicts(t *testing.T) {
	t.Parallel()
	grace := func(o *zoomwindow.OAuthOptions) { o.RefreshGrace = time.Minute }
	tests := []struct {
		name    string
		oauth   func(*zoomwindow.OAuthOptions)
		spoil   zoomwindow.Fault // of the token endpoint
		happens func(*testing.T, *bundle)
		kind    provider.Kind // of the error; "" for none
		failed  bool          // the link, and the credential dead
		verdict string
	}{
		{name: "nothing happens"},
		{
			name: "reply lost after the rotation", oauth: grace,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultCut},
		},
		{
			name: "half a reply after the rotation", oauth: grace,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultTruncated},
		},
		{
			name: "reply is no JSON after the rotation", oauth: grace,
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultMalformedJSON},
		},
		{
			name: "killed between the reply and the commit", oauth: grace,
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				if _, err := b.zoom.Refresh(t.Context(), b.pair(t).Refresh); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "reply lost, and the old token is dead at once", kind: provider.Reauthorization, failed: true, verdict: "revoked",
			spoil: zoomwindow.Fault{Kind: zoomwindow.FaultCut},
		},
		{
			name: "server error with a JSON body", kind: provider.Transient, verdict: "transient",
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				b.spoil(t, zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Count: -1})
			},
		},
		{
			name: "a proxy's page", kind: provider.Transient, verdict: "transient",
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				b.spoil(t, zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML, Count: -1})
			},
		},
		{
			name: "rate limited", kind: provider.RateLimited, verdict: "rate_limited",
			happens: func(t *testing.T, b *bundle) {
				t.Helper()
				b.spoil(t, zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Count: -1})
			},
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
			name: "not used for 90 days", kind: provider.Reauthorization, failed: true, verdict: "revoked",
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
			name: "app disabled (4717)", kind: provider.Misconfigured, verdict: "app_disabled",
			happens: func(_ *testing.T, b *bundle) { b.window.DisableApp(clientID, true) },
		},
		{
			name: "scopes of the app changed (4711)", kind: provider.Reauthorization, verdict: "scopes_changed",
			happens: func(_ *testing.T, b *bundle) { b.window.SetScopes(clientID, "user:read:admin") },
		},
		{
			name: "our secret is wrong", kind: provider.Misconfigured, verdict: "invalid_client",
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
			access, err := b.manager.Access(t.Context(), b.ref)
			row := b.row(t)
			verdict := ""
			if row.Verdict != nil {
				verdict = *row.Verdict
			}
			if verdict != test.verdict {
				t.Errorf("verdict = %q, want %q", verdict, test.verdict)
			}
			if dead := row.State == store.CredentialDead; dead != test.failed {
				t.Errorf("credential dead = %v, want %v", dead, test.failed)
			}
			b.requireLink(t, test.failed)
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

// What was not for ever passes, and leaves nothing behind.
func TestRecovers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pass(nearlyOver)
	b.spoil(t, zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 500, Count: 2})
	if _, err := b.manager.Access(t.Context(), b.ref); provider.KindOf(err) != provider.Transient {
		t.Fatalf("Access while Zoom is down = %v, want transient", err)
	}
	if _, err := b.manager.Access(t.Context(), b.ref); err != nil {
		t.Fatal(err)
	}
	if row := b.row(t); row.Verdict != nil || row.Evidence != nil {
		t.Errorf("verdict %v, evidence %v are left", *row.Verdict, *row.Evidence)
	}
}

// Eight refreshes at once, in four processes: Zoom is asked once.
func TestOneRefresh(t *testing.T) {
	t.Parallel()
	for _, rejected := range []bool{false, true} {
		b := setup(t, nil)
		first, err := b.manager.Access(t.Context(), b.ref)
		if err != nil {
			t.Fatal(err)
		}
		if !rejected {
			b.pass(nearlyOver)
		}
		var group errgroup.Group
		got := make([]secret.Text, 8)
		workers := []*Manager{b.worker(b.zoom), b.worker(b.zoom), b.worker(b.zoom), b.worker(b.zoom)}
		for i := range got {
			group.Go(func() (err error) {
				worker := workers[i%len(workers)]
				if rejected {
					got[i], err = worker.Rejected(t.Context(), b.ref, first)
				} else {
					got[i], err = worker.Access(t.Context(), b.ref)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := b.refreshes(); n != 1 {
			t.Errorf("rejected %v: Zoom was asked %d times, want once", rejected, n)
		}
		for _, access := range got {
			if !same(access, got[0]) || same(access, first) {
				t.Errorf("rejected %v: the workers have different tokens, or the old one", rejected)
			}
		}
		if row := b.row(t); row.Generation != 2 {
			t.Errorf("rejected %v: generation = %d, want 2", rejected, row.Generation)
		}
	}
}

func TestFreshTokenCostsNoRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for range 3 {
		if _, err := b.manager.Access(t.Context(), b.ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.refreshes(); n != 0 {
		t.Errorf("refreshes = %d, want none", n)
	}
}

// The pair before stays until the new one has worked, and is what saves a pair that
// never reached us whole.
func TestPriorPair(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *zoomwindow.OAuthOptions) { o.RefreshGrace = time.Minute })
	b.pass(nearlyOver)
	access, err := b.manager.Access(t.Context(), b.ref)
	if err != nil {
		t.Fatal(err)
	}
	if b.row(t).PriorGrantSealed == nil {
		t.Fatal("the pair before was not kept")
	}
	if err := b.manager.Worked(t.Context(), b.ref, secret.New("another token")); err != nil {
		t.Fatal(err)
	}
	if b.row(t).PriorGrantSealed == nil {
		t.Fatal("another token's success dropped the pair before")
	}

	b.breakCurrent(t)
	if _, err := b.manager.Rejected(t.Context(), b.ref, secret.New("broken")); provider.KindOf(err) != provider.Transient {
		t.Fatalf("Rejected right after a refresh = %v, want transient: no storm of refreshes", err)
	}
	b.manager.now = func() time.Time { return b.now().Add(2 * calm) }
	access2, err := b.manager.Rejected(t.Context(), b.ref, secret.New("broken"))
	if err != nil {
		t.Fatal(err)
	}
	if same(access, access2) {
		t.Error("the token is the one before")
	}
	if row := b.row(t); row.Verdict == nil || *row.Verdict != verdictRaced {
		t.Errorf("verdict = %v, want raced", row.Verdict)
	}
	if err := b.worker(b.zoom).Worked(t.Context(), b.ref, access2); err != nil {
		t.Fatal(err)
	}
	if err := b.manager.Worked(t.Context(), b.ref, access2); err != nil {
		t.Fatal(err)
	}
	if b.row(t).PriorGrantSealed != nil {
		t.Error("the pair before is kept though the new one worked")
	}
}

// A token that somebody refreshed already is not refreshed again.
func TestRejectedAfterRefresh(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	first, err := b.manager.Access(t.Context(), b.ref)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.manager.Rejected(t.Context(), b.ref, first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.worker(b.zoom).Rejected(t.Context(), b.ref, first)
	if err != nil {
		t.Fatal(err)
	}
	if !same(second, again) || b.refreshes() != 1 {
		t.Errorf("refreshes = %d, want 1 and the same token", b.refreshes())
	}
}

// A new authorization brings a dead credential and its link back.
func TestReauthorization(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.pass(nearlyOver)
	b.authorize(t) // by somebody else: ours is dead now
	if _, err := b.manager.Access(t.Context(), b.ref); provider.KindOf(err) != provider.Reauthorization {
		t.Fatalf("Access = %v, want reauthorization_required", err)
	}
	before := b.refreshes()
	if _, err := b.manager.Access(t.Context(), b.ref); provider.KindOf(err) != provider.Reauthorization {
		t.Fatalf("Access once more = %v, want reauthorization_required", err)
	}
	if b.refreshes() != before {
		t.Error("a dead credential was refreshed")
	}
	b.link(t)
	if _, err := b.manager.Access(t.Context(), b.ref); err != nil {
		t.Fatal(err)
	}
	b.requireLink(t, false)
}

func TestFencedAccountHasNoToken(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if _, err := b.store.Fence(t.Context(), b.ref, b.org, "test", "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.manager.Access(t.Context(), b.ref); !errors.Is(err, store.ErrFenced) {
		t.Errorf("Access = %v, want ErrFenced", err)
	}
}

// pair is the stored pair.
func (b *bundle) pair(t *testing.T) provider.Grant {
	t.Helper()
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	grant, err := Open(key, b.row(t).GrantSealed)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

// breakCurrent replaces the current pair by one that Zoom never gave and leaves the pair before.
func (b *bundle) breakCurrent(t *testing.T) {
	t.Helper()
	key, err := b.vault.Key(t.Context(), vault.AccountScope(b.ref))
	if err != nil {
		t.Fatal(err)
	}
	broken, err := Seal(key, provider.Grant{Access: secret.New("broken"), Refresh: secret.New("broken too")})
	if err != nil {
		t.Fatal(err)
	}
	prior, err := key.SealGrant(fieldPriorGrant, b.pair(t))
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.LockCredential(t.Context(), b.ref, func(c *store.LockedCredential) error {
		return c.Rotate(t.Context(), store.Rotation{GrantSealed: broken, PriorGrantSealed: prior, Scopes: []string{}, AccessExpiresAt: b.now().Add(time.Hour)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) requireLink(t *testing.T, failed bool) {
	t.Helper()
	link, err := b.store.Link(t.Context(), b.ref, b.org)
	if err != nil {
		t.Fatal(err)
	}
	if got := link.Link.Status == store.LinkFailed; got != failed {
		t.Errorf("link failed = %v, want %v", got, failed)
	}
	if failed && (len(link.Link.Errors) != 1 || link.Link.Errors[0] != RelinkText) {
		t.Errorf("errors of the link = %q, want %q", link.Link.Errors, RelinkText)
	}
}
