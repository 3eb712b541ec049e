package telemetry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"callweave/internal/mist"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/telemetry"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
)

var noon = time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)

// identifying is what names somebody or something in a path: an upper-case letter, a
// digit, an escape or a sign.
var identifying = regexp.MustCompile(`[^a-z_-]`)

// watch serves a handler and remembers what its requests name.
type watch struct {
	url   string
	mu    sync.Mutex
	named []string
	paged bool // a request carried a page token
}

func newWatch(t *testing.T, next http.Handler) *watch {
	t.Helper()
	w := &watch{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.paged = w.paged || r.URL.Query().Get("next_page_token") != ""
		for _, values := range r.URL.Query() {
			w.named = append(w.named, values...)
		}
		for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
			if identifying.MatchString(segment) && len(segment) > 2 && segment != "oauth2" {
				w.named = append(w.named, segment)
			}
		}
		w.mu.Unlock()
		next.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// seen asserts that the requests named something that must not show.
func (w *watch) seen(t *testing.T, what string) {
	t.Helper()
	if !slices.ContainsFunc(w.named, func(named string) bool { return strings.Contains(named, what) }) {
		t.Errorf("no request named %q: the test proves nothing", what)
	}
}

// traced is a client whose spans go to the exporter as a program's do.
func traced(spans *tracetest.InMemoryExporter) *http.Client {
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(telemetry.WithoutURLs(spans)))
	return &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(tracing))}
}

// What leaves with a trace names nothing that a request to Zoom or Mist names: page
// tokens, meetings, orgs, sites, the addresses of clients.
func TestTracesNameNobody(t *testing.T) {
	t.Parallel()
	config := world.DemoConfig(7)
	config.PeoplePerOrg, config.MeetingsPerDay = 60, 500 // more than a page
	w, err := world.New(config)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon }
	spans := tracetest.NewInMemoryExporter()
	zoomSide := newWatch(t, zoomwindow.New(w, zoomwindow.Config{
		Clients: []zoomwindow.Client{{
			ID: "client", Secret: "client-secret", RedirectURIs: []string{"http://callweave.test/callback"},
			Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		}},
		Now: now, Limits: &zoomwindow.Limits{},
	}))
	harvest(t, zoomSide, traced(spans), w.Accounts[0])
	mistWindow := mistwindow.New(w, mistwindow.Config{Now: now})
	mistSide := newWatch(t, mistWindow)
	client := collect(t, mistSide, traced(spans), w.Orgs[0], mistWindow.Issue(w.Orgs[0].ID))

	zoomSide.seen(t, "%3D%3D") // a meeting's id
	if !zoomSide.paged {
		t.Error("no request carried a page token: the test proves nothing about them")
	}
	mistSide.seen(t, client)
	mistSide.seen(t, w.Orgs[0].ID.String())
	var templates []string
	for _, span := range spans.GetSpans() {
		text := fmt.Sprint(span.Name, span.Attributes, span.Events, span.Status)
		for _, named := range append(zoomSide.named, mistSide.named...) {
			if unescaped, err := url.PathUnescape(named); len(named) > 6 && (strings.Contains(text, named) || err == nil && strings.Contains(text, unescaped)) {
				t.Fatalf("%q shows in %s", named, text)
			}
		}
		for _, attr := range span.Attributes {
			if attr.Key == "url.template" {
				templates = append(templates, attr.Value.AsString())
			}
			if strings.Contains(attr.Value.String(), "?") {
				t.Errorf("a query shows: %v", attr)
			}
		}
	}
	for _, want := range []string{"/v2/metrics/meetings", "/v2/metrics/meetings/{}/participants", "/api/v1/sites/{}/insights/client/{}/{}"} {
		if !slices.Contains(templates, want) {
			t.Errorf("no span is of %s: %v", want, slices.Compact(templates))
		}
	}
}

// harvest lists and reads meetings of an account.
func harvest(t *testing.T, side *watch, client *http.Client, account *world.Account) {
	t.Helper()
	service := zoom.New(zoom.Config{
		ClientID: "client", ClientSecret: secret.New("client-secret"), RedirectURL: "http://callweave.test/callback",
		OAuthURL: side.url + "/oauth", APIURL: side.url + "/v2", HTTP: client, Now: func() time.Time { return noon },
		Limits: &zoom.Limits{HeavyPerSecond: 1e6, HeavyBurst: 100, ResourceIntensivePerMinute: 1e6, ResourceIntensiveBurst: 100},
	})
	verifier := secret.New(strings.Repeat("verifier-", 6))
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(t.Context(), service.AuthorizationURL("state", verifier), account.Admins[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := service.Exchange(t.Context(), secret.New(returned.Query().Get("code")), verifier)
	if err != nil {
		t.Fatal(err)
	}
	caller := provider.Caller{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: account.ID}, Access: grant.Access}
	var meetings []provider.Meeting
	window := provider.Window{From: noon.Add(-24 * time.Hour), To: noon.Add(-time.Hour)}
	err = service.ListMeetings(t.Context(), caller, provider.ListPast, window, func(page []provider.Meeting) error {
		meetings = append(meetings, page...)
		return nil
	})
	if err != nil || len(meetings) == 0 {
		t.Fatalf("%d meetings, %v", len(meetings), err)
	}
	for _, meeting := range meetings[:min(5, len(meetings))] {
		if _, err := service.ReadMeeting(t.Context(), caller, meeting.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// collect reads the clients of an org and the history of one, whose address it returns.
func collect(t *testing.T, side *watch, client *http.Client, org *world.Org, token string) string {
	t.Helper()
	cloud, err := mist.New(mist.Config{BaseURL: side.url, Token: secret.New(token), HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	source := mist.NewSource(cloud, org.ID, func() time.Time { return noon })
	for _, site := range org.Sites {
		for snapshot, err := range source.Clients(t.Context(), site.ID) {
			if err != nil {
				t.Fatal(err)
			}
			if snapshot.Wired {
				continue
			}
			if _, err := source.PastClient(t.Context(), site.ID, snapshot.MAC, noon.Add(-time.Hour), noon); err != nil {
				t.Fatal(err)
			}
			for _, err := range source.Sessions(t.Context(), noon.Add(-time.Hour), noon) {
				if err != nil {
					t.Fatal(err)
				}
			}
			return snapshot.MAC.String()
		}
	}
	t.Fatal("no client is connected")
	return ""
}
