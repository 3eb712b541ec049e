package authorize_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"golang.org/x/sync/errgroup"

	"callweave/internal/secret"
	"callweave/internal/vault"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

func deny(t *testing.T, b *bundle) answer {
	t.Helper()
	callback, err := b.browser().Deny(t.Context(), b.offer(t, b.orgs[0]))
	if err != nil {
		t.Fatal(err)
	}
	return b.settle(t, callback)
}

// install adds the app from the marketplace, where nobody gives a state.
func install(t *testing.T, b *bundle) answer {
	t.Helper()
	redirect := b.starter.URL + callbackPath
	address := b.zoomURL + "/oauth/authorize?" + url.Values{"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirect}}.Encode()
	return b.settle(t, b.allow(t, address, b.account.Admins[0]))
}

func replay(t *testing.T, b *bundle) answer {
	t.Helper()
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	b.requireEnd(t, b.settle(t, callback), "linked", 0)
	b.requireEnd(t, b.open(t, callback), "linked", 0) // a slow double click
	b.pass(time.Minute)
	return b.open(t, callback)
}

// forge flips every bit of a state in turn.
func forge(t *testing.T, b *bundle) (last answer) {
	t.Helper()
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	parsed, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(parsed.Query().Get("state"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(sealed) * 8 {
		sealed[i/8] ^= 1 << (i % 8)
		last = b.open(t, with(callback, "state", base64.RawURLEncoding.EncodeToString(sealed)))
		sealed[i/8] ^= 1 << (i % 8)
		if last.status != http.StatusBadRequest {
			t.Fatalf("bit %d flipped: %d to %q", i, last.status, last.location)
		}
	}
	return last
}

// spend exchanges the code before its callback arrives, as a thief would.
func spend(t *testing.T, b *bundle) answer {
	t.Helper()
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	var sealed []byte
	if err := b.pool.QueryRow(t.Context(), "select verifier_sealed from authorizations").Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	verifier, err := b.vault.Master().OpenText(vault.PurposeVerifier, sealed)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	service := b.client(b.starter.URL+callbackPath, clientSecret, 0)
	if _, err := service.Exchange(t.Context(), secret.New(parsed.Query().Get("code")), verifier); err != nil {
		t.Fatal(err)
	}
	return b.settle(t, callback)
}

func spoiled(fault zoomwindow.Fault) func(*testing.T, *bundle) answer {
	return func(t *testing.T, b *bundle) answer {
		t.Helper()
		injected, err := b.window.Faults.Add(fault)
		if err != nil {
			t.Fatal(err)
		}
		got := b.settle(t, b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0]))
		injected.Release()
		if want := max(1, fault.Count); injected.Fired() != want {
			t.Errorf("the fault struck %d times, want %d", injected.Fired(), want)
		}
		return got
	}
}

// landedLate has Zoom put off the question whose grant it is for longer than the exchange is
// tried, so that another activity asks on.
func landedLate(t *testing.T, b *bundle) answer {
	t.Helper()
	got := spoiled(zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Limit: "daily", Path: "^/v2/users/me$"})(t, b)
	history := b.temporal.GetWorkflowHistory(t.Context(), workflows.AuthorizeID(b.authorization(t)), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var tried []string
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			tried = append(tried, scheduled.GetActivityType().GetName())
		}
	}
	if want := []string{workflows.ExchangeCodeActivity, workflows.LandGrantActivity, workflows.StartLinkActivity}; !slices.Equal(tried, want) {
		t.Errorf("the workflow tried %v, want %v", tried, want)
	}
	return got
}

// untilNoon is the time to the next noon, UTC.
func untilNoon() time.Duration {
	const day = 24 * time.Hour
	now := time.Now()
	return (day + day/2 - now.Sub(now.Truncate(day))) % day
}

// authorization is the id of the one that there is.
func (b *bundle) authorization(t testing.TB) (id uuid.UUID) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select authorization_id from authorizations").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// outliveCode has Zoom answer again when the code is no longer worth anything.
func outliveCode(t *testing.T, b *bundle) answer {
	t.Helper()
	fault, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 500, Path: "^/oauth/token$", Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	if got := b.open(t, callback); got.status != http.StatusAccepted || !strings.Contains(got.body, "looks again by itself") {
		t.Errorf("while Zoom is down: %d %s", got.status, got.body)
	}
	b.requireLeft(t, left{Returned: 1})
	b.pass(6 * time.Minute)
	b.window.Faults.Remove(fault.ID)
	return b.settle(t, callback)
}

// pendingThenLinked comes back while Zoom does not say whose account it is, is told that it
// is pending, and finds the link later.
func pendingThenLinked(t *testing.T, b *bundle) answer {
	t.Helper()
	fault, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Path: "^/v2/users/me$", Count: -1})
	if err != nil {
		t.Fatal(err)
	}
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	pending := "https://portal.example/settings?error=provider_unavailable&tab=apps&zoom=pending"
	if got := b.settle(t, callback); got.status != http.StatusSeeOther || got.location != pending {
		t.Errorf("while Zoom does not say: %d to %q %s, want to %q", got.status, got.location, got.body, pending)
	}
	b.requireLeft(t, left{Returned: 1})
	if n := b.number(t, "select count(*) from unlanded_grants"); n != 1 {
		t.Errorf("%d grants are kept, want 1", n)
	}
	b.window.Faults.Remove(fault.ID)
	b.eventually(t, "it links by itself", func() bool { return b.number(t, "select count(*) from links") == 1 })
	return b.settle(t, strings.Replace(callback, "/callback?", "/pending?", 1))
}

// linkWhileUnlinking comes back while the earlier link is being erased.
func linkWhileUnlinking(t *testing.T, b *bundle) answer {
	t.Helper()
	b.link(t, b.orgs[0], b.account.Admins[0])
	if _, err := b.store.Fence(t.Context(), b.ref, b.orgs[0].id, "test", "admin"); err != nil {
		t.Fatal(err)
	}
	callback := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	if got := b.open(t, callback); got.status != http.StatusAccepted {
		t.Errorf("while the link is being erased: %d to %q", got.status, got.location)
	}
	if _, err := b.flows.Unlink(t.Context(), b.ref, b.orgs[0].id, "admin"); err != nil {
		t.Fatal(err)
	}
	return b.settle(t, callback)
}

// same opens addresses at once and requires that all end alike.
func (b *bundle) same(t *testing.T, addresses ...string) answer {
	t.Helper()
	got := b.atOnce(t, addresses...)
	for _, other := range got[1:] {
		if other.status != got[0].status || other.location != got[0].location {
			t.Errorf("one ended with %d at %q, another with %d at %q", got[0].status, got[0].location, other.status, other.location)
		}
	}
	return got[0]
}

func (b *bundle) atOnce(t *testing.T, addresses ...string) []answer {
	t.Helper()
	got := make([]answer, len(addresses))
	var group errgroup.Group
	for i, address := range addresses {
		group.Go(func() error {
			got[i] = b.settle(t, address)
			return nil
		})
	}
	_ = group.Wait()
	return got
}

// linkedOrSuperseded opens callbacks at once. The last that Zoom answered links; one before
// it links as well, unless its token died before it was of use: then it says so, and
// beginning again links.
func (b *bundle) linkedOrSuperseded(t *testing.T, orgs []*org, callbacks ...string) answer {
	t.Helper()
	var linked answer
	for i, got := range b.atOnce(t, callbacks...) {
		if strings.Contains(got.location, "error="+workflows.CodeSuperseded) {
			b.exec(t, "delete from authorizations where error_code = $1", workflows.CodeSuperseded)
			got = b.settle(t, b.allow(t, b.offer(t, orgs[i]), b.account.Admins[0]))
		}
		b.requireEnd(t, got, "linked", 0)
		linked = got
	}
	return linked
}

func twoAdmins(t *testing.T, b *bundle) answer {
	t.Helper()
	first := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	second := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[1])
	return b.linkedOrSuperseded(t, []*org{b.orgs[0], b.orgs[0]}, first, second)
}

// overtaken holds an authorization back after its token was issued until another one of
// the same account has linked.
func overtaken(t *testing.T, b *bundle) answer {
	t.Helper()
	hang, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultHangAfter, Path: "^/oauth/token$", GrantType: "authorization_code"})
	if err != nil {
		t.Fatal(err)
	}
	first := b.allow(t, b.offer(t, b.orgs[0]), b.account.Admins[0])
	ended := make(chan answer, 1)
	go func() { ended <- b.settle(t, first) }()
	<-hang.Hits()
	b.link(t, b.orgs[0], b.account.Admins[1])
	hang.Release()
	return <-ended
}

// with changes one value of an address's query.
func with(address, name, value string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return err.Error()
	}
	query := parsed.Query()
	query.Set(name, value)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}
