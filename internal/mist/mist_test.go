package mist_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"callweave/internal/mist"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

// noon is a working hour in the world's offices.
var noon = time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)

type bundle struct {
	world  *world.World
	window *mistwindow.Window
	server *httptest.Server
	org    *world.Org
	site   *world.Site
	token  string
	client *mist.Client
	source *mist.Source
	now    time.Time
}

func setup(t *testing.T, cfg mistwindow.Config) *bundle {
	t.Helper()
	w, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{world: w, org: w.Orgs[0], now: noon}
	cfg.Now = func() time.Time { return b.now }
	b.window = mistwindow.New(w, cfg)
	b.server = httptest.NewServer(b.window)
	t.Cleanup(b.server.Close)
	b.token = b.window.Issue(b.org.ID)
	b.client = newClient(t, b.server.URL, b.token)
	b.source = mist.NewSource(b.client, b.org.ID, cfg.Now)
	for _, site := range b.org.Sites {
		if b.site == nil || len(b.present(site)) > len(b.present(b.site)) {
			b.site = site
		}
	}
	return b
}

// present is who is at a site at noon.
func (b *bundle) present(site *world.Site) []world.Lease {
	return b.world.Leases(site, noon, noon.Add(time.Second))
}

func newClient(t *testing.T, baseURL, token string) *mist.Client {
	t.Helper()
	client, err := mist.New(mist.Config{BaseURL: baseURL, Token: secret.New(token)})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func collect[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]mist.Config{
		"no token":    {BaseURL: "https://api.mist.com"},
		"no host":     {BaseURL: "api.mist.com", Token: secret.New("x")},
		"credentials": {BaseURL: "https://user:pass@api.mist.com", Token: secret.New("x")},
		"file":        {BaseURL: "file:///etc/passwd", Token: secret.New("x")},
	} {
		if _, err := mist.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: error tells the password: %v", name, err)
		}
	}
}

func TestErrorsHaveClasses(t *testing.T) {
	t.Parallel()
	sites := func(b *bundle, c *mist.Client) error {
		for _, err := range c.Sites(t.Context(), b.org.ID) {
			return err
		}
		return nil
	}
	tests := map[string]struct {
		cfg    mistwindow.Config
		breaks func(b *bundle)
		class  network.Class
		wait   time.Duration
	}{
		"revoked":   {breaks: func(b *bundle) { b.window.Revoke(b.token) }, class: network.Unauthorized},
		"other org": {breaks: func(b *bundle) { b.org = b.world.Orgs[1] }, class: network.Forbidden},
		"limited": {
			cfg: mistwindow.Config{CallsPerHour: -1, RetryAfter: true}, breaks: func(*bundle) {},
			class: network.RateLimited, wait: 59*time.Minute + 30*time.Second,
		},
		"limited without a delay": {
			cfg: mistwindow.Config{CallsPerHour: -1}, breaks: func(*bundle) {},
			class: network.RateLimited, wait: mist.DefaultRetryDelay,
		},
		"down":      {breaks: func(b *bundle) { b.window.Inject(mistwindow.Fault{Status: 502}) }, class: network.Transient},
		"cut":       {breaks: func(b *bundle) { b.window.Inject(mistwindow.Fault{Cut: true}) }, class: network.Transient},
		"half JSON": {breaks: func(b *bundle) { b.window.Inject(mistwindow.Fault{Body: `[{"id":`}) }, class: network.Malformed},
		"not a list": {
			breaks: func(b *bundle) { b.window.Inject(mistwindow.Fault{Body: `{"hostname":"ann-laptop"}`}) }, class: network.Malformed,
		},
		"redirect": {breaks: func(b *bundle) { b.window.Inject(mistwindow.Fault{Status: 302}) }, class: network.Misconfigured},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.cfg)
			tt.breaks(b)
			err := sites(b, b.client)
			class, wait := network.ClassOf(err)
			if class != tt.class || wait != tt.wait {
				t.Errorf("%v: class %q, wait %v; want %q, %v", err, class, wait, tt.class, tt.wait)
			}
			var typed *mist.Error
			if !errors.As(err, &typed) || typed.Operation != "list sites" {
				t.Errorf("not a mist.Error of the operation: %v", err)
			}
			for _, hidden := range []string{b.token, "ann-laptop", b.server.URL, "127.0.0.1/"} {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, b.client), hidden) {
					t.Errorf("error or client tells %q", hidden)
				}
			}
		})
	}
}

func TestRemovedSiteIsNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.window.RemoveSite(b.site.ID)
	for _, err := range b.source.Clients(t.Context(), b.site.ID) {
		if class, _ := network.ClassOf(err); class != network.NotFound {
			t.Errorf("class of %v is %q", err, class)
		}
	}
	sites, err := b.source.Sites(t.Context())
	if err != nil || len(sites) != len(b.org.Sites)-1 {
		t.Errorf("%d sites, %v", len(sites), err)
	}
}

func TestCancelledContextStaysItself(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.window.Inject(mistwindow.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := b.client.Usage(ctx)
	if class, _ := network.ClassOf(err); class != "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: class %q", err, class)
	}
}

// replies serves fixed bodies by path and page.
func replies(t *testing.T, body func(page url.Values) (header map[string]string, body string)) *mist.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header, text := body(r.URL.Query())
		for key, value := range header {
			w.Header().Set(key, value)
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return newClient(t, server.URL, "token")
}

func TestNextPageStaysOnTheHost(t *testing.T) {
	t.Parallel()
	row := `{"mac":"5c5b350e0001","site_id":"1f6c3f0a-0000-4000-8000-000000000001","connect":1,"disconnect":2}`
	for name, next := range map[string]string{
		"another host":   "http://evil.example/api",
		"scheme-less":    "//evil.example/api",
		"back to itself": "?search_after=%5B1%5D",
	} {
		c := replies(t, func(url.Values) (map[string]string, string) {
			return nil, `{"results":[` + row + `],"next":"` + next + `"}`
		})
		rows, class := 0, network.Class("")
		for _, err := range c.Sessions(t.Context(), [16]byte{1}, noon.Add(-time.Hour), noon) {
			if err != nil {
				class, _ = network.ClassOf(err)
				break
			}
			if rows++; rows > 5 {
				break
			}
		}
		if class != network.Malformed || rows > 2 {
			t.Errorf("%s: class %q after %d rows", name, class, rows)
		}
	}
}

// The cloud may grant a smaller page than was asked for; it says so in the headers.
func TestSmallerPagesAreFollowed(t *testing.T) {
	t.Parallel()
	c := replies(t, func(q url.Values) (map[string]string, string) {
		return map[string]string{"X-Page-Total": "3", "X-Page-Limit": "1", "X-Page-Page": q.Get("page")},
			`[{"id":"1f6c3f0a-0000-4000-8000-00000000000` + q.Get("page") + `"}]`
	})
	if sites := collect(t, c.Sites(t.Context(), [16]byte{1})); len(sites) != 3 || sites[0].ID == sites[2].ID {
		t.Errorf("%d sites", len(sites))
	}
}

// Whatever one field holds, the other rows and fields are read.
func TestOddFieldsAreUnknown(t *testing.T) {
	t.Parallel()
	c := replies(t, func(url.Values) (map[string]string, string) {
		return map[string]string{"Date": noon.Format(http.TimeFormat)}, `[
			{"mac":"5c5b350e0001","rssi":"strong","snr":null,"band":5,"ip":7,"hostname":null,"tx_bytes":1.5e13,"future":{"a":[1]},"tx_retries":-4},
			{"mac":"nonsense","rssi":-50},
			{},
			{"mac":"5C:5B:35:0E:00:02","rssi":-50,"ip":"10.0.0.9","uptime":60,"last_seen":1763478000}]`
	})
	rows := collect(t, c.ClientStats(t.Context(), [16]byte{1}, false))
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2", len(rows))
	}
	odd, good := rows[0], rows[1]
	if odd.RSSIDBm.Known() || odd.SNRDB.Known() || odd.IP.IsValid() || odd.TxRetries.Known || odd.Band != network.Band5 ||
		odd.TxBytes != network.CounterOf(15_000_000_000_000) || !odd.ObservedAt.Equal(noon.Truncate(time.Second)) || !odd.AssociatedAt.IsZero() {
		t.Errorf("odd row: %+v", odd)
	}
	if good.RSSIDBm.Or(0) != -50 || good.AssociatedAt.Unix() != 1763478000-60 || good.MAC.String() != "5c5b350e0002" {
		t.Errorf("good row: %+v", good)
	}
}
