package credentials

import (
	"errors"
	"slices"
	"testing"
	"time"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
)

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
	if row := b.row(t); row.Verdict == nil || *row.Verdict != provider.VerdictRaced {
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

// A pair that nobody needs is refreshed before the provider forgets it, and not sooner.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{29 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}, {0, 1}} {
		b.pass(step.pass)
		if err := b.manager.KeepAlive(t.Context(), b.ref); err != nil {
			t.Fatal(err)
		}
		if n := b.refreshes(); n != step.want {
			t.Errorf("after %s more: %d refreshes, want %d", step.pass, n, step.want)
		}
	}
}

// A grant lacks what neither the classic nor the granular scopes give, and nothing where
// nobody said what was granted.
func TestLacking(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scopes   []string
		features []string
		want     []string
	}{
		"classic":           {[]string{"dashboard_meetings:read:admin", "user:read:admin"}, nil, []string{}},
		"classic, one":      {[]string{"user:read:admin"}, nil, []string{"dashboard_meetings:read:admin"}},
		"classic, lists":    {[]string{"user:read:admin", "dashboard:read:admin"}, []string{provider.FeatureMeetings}, []string{}},
		"granular":          {[]string{"dashboard:read:list_meetings:admin", "user:read:user:admin"}, nil, []string{"dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants_qos:admin"}},
		"granular, feature": {[]string{"dashboard:read:list_meetings:admin", "user:read:user:admin"}, []string{provider.FeatureMeetings}, []string{}},
		"not said":          {nil, nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := provider.Lacking(zoom.New(zoom.Config{}), provider.Grant{Scopes: test.scopes}, test.features...)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
