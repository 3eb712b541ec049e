package zoom_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom"
)

const (
	clientID     = "client"
	clientSecret = "client-secret-client-secret"
	redirectURL  = "http://callweave.test/callback"
	verifier     = "verifier-verifier-verifier-verifier-verifier-1"
)

// day is a UTC day of the world; everything in it is settled for the window's clock.
var day = time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)

// bundle is a client that is authorized for the account of a world.
type bundle struct {
	world   *world.World
	account *world.Account
	window  *zoomwindow.Window
	client  *zoom.Client
	caller  provider.Caller
	meter   *countingMeter
	server  string
}

type countingMeter struct{ heavy, intensive atomic.Int64 }

func (m *countingMeter) Reserve(_ context.Context, _ provider.AccountRef, category string, n int) error {
	if category == zoom.ResourceIntensive {
		m.intensive.Add(int64(n))
	} else {
		m.heavy.Add(int64(n))
	}
	return nil
}

func setup(t testing.TB) *bundle {
	t.Helper()
	return setupWorld(t, world.DemoConfig(7))
}

func setupWorld(t testing.TB, of world.Config) *bundle {
	t.Helper()
	w, err := world.New(of)
	if err != nil {
		t.Fatal(err)
	}
	config := zoomwindow.Config{
		Clients: []zoomwindow.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL},
			Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		}},
		Now:    func() time.Time { return day.AddDate(0, 0, 2) },
		Limits: &zoomwindow.Limits{},
	}
	b := &bundle{world: w, account: w.Accounts[0], window: zoomwindow.New(w, config), meter: &countingMeter{}}
	server := httptest.NewServer(b.window)
	t.Cleanup(server.Close)
	b.server = server.URL
	b.client = zoom.New(zoom.Config{
		ClientID: clientID, ClientSecret: secret.New(clientSecret), RedirectURL: redirectURL,
		OAuthURL: server.URL + "/oauth", APIURL: server.URL + "/v2", Meter: b.meter, Now: config.Now,
		Limits: &zoom.Limits{HeavyPerSecond: 1e6, HeavyBurst: 100, ResourceIntensivePerMinute: 1e6, ResourceIntensiveBurst: 100},
	})
	browser := zoomwindow.NewBrowser()
	browser.Stop = func(u *url.URL) bool { return u.Host == "callweave.test" }
	back, err := browser.Approve(t.Context(), b.client.AuthorizationURL("state", secret.New(verifier)), b.account.Admins[0].Email)
	if err != nil {
		t.Fatal(err)
	}
	returned, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := b.client.Exchange(t.Context(), secret.New(returned.Query().Get("code")), secret.New(verifier))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range b.client.Requirements() {
		if !grant.Has(r.AnyOf...) {
			t.Errorf("grant lacks a scope to %s: %v", r.Feature, grant.Scopes)
		}
	}
	b.caller = provider.Caller{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: b.account.ID}, Access: grant.Access}
	return b
}

func (b *bundle) list(t *testing.T) map[string]provider.Meeting {
	t.Helper()
	found := map[string]provider.Meeting{}
	for _, kind := range []provider.ListKind{provider.ListPast, provider.ListPastOne} {
		err := b.client.ListMeetings(t.Context(), b.caller, kind, provider.Window{From: day, To: day.AddDate(0, 0, 1)}, func(page []provider.Meeting) error {
			for _, m := range page {
				found[m.ID] = m
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func (b *bundle) meetings() []*world.Meeting {
	return b.world.MeetingsStarting(b.account, day, day.AddDate(0, 0, 1))
}

func idOf(m *world.Meeting) string { return base64.StdEncoding.EncodeToString(m.UUID[:]) }

func TestAccountOfTheWorld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	account, err := b.client.Account(t.Context(), b.caller.Access)
	if err != nil {
		t.Fatal(err)
	}
	if account.AccountID != b.account.ID || account.Admin.UserID != b.account.Admins[0].ZoomUserID {
		t.Errorf("account is %s of %s", account.AccountID, account.Admin.UserID)
	}
}

func TestDayEqualsTruth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listed := b.list(t)
	want := b.meetings()
	if len(listed) != len(want) || len(want) == 0 {
		t.Fatalf("listed %d meetings, want %d", len(listed), len(want))
	}
	cost, samples, slashes := 0, 0, 0
	for _, m := range want {
		got, ok := listed[idOf(m)]
		if !ok {
			t.Fatalf("meeting %x is not listed", m.UUID)
		}
		if !got.StartAt.Equal(m.StartAt) || !got.EndAt.Equal(m.EndAt) || got.Number != m.Number || (got.Kind == provider.ListPastOne) != m.Alone() {
			t.Errorf("meeting is %v to %v, number %d, %s; want %v to %v, %d, alone %t", got.StartAt, got.EndAt, got.Number, got.Kind, m.StartAt, m.EndAt, m.Number, m.Alone())
		}
		if id := idOf(m); strings.HasPrefix(id, "/") || strings.Contains(id, "//") {
			slashes++
		}
		legs, err := b.client.ReadMeeting(t.Context(), b.caller, idOf(m))
		if err != nil {
			t.Fatalf("read meeting %x: %v", m.UUID, err)
		}
		samples += b.compare(t, m, legs)
		cost += zoomwindow.MeetingCost(m)
	}
	if got := int(b.meter.heavy.Load()); got != cost {
		t.Errorf("reading cost %d requests, want %d", got, cost)
	}
	if got := b.meter.intensive.Load(); got != 2 {
		t.Errorf("listing cost %d requests, want 2", got)
	}
	if got := b.window.Metered(b.account.ID); got != cost+2 {
		t.Errorf("the window metered %d requests, the client %d", got, cost+2)
	}
	if truth := b.world.Truth(b.account, day, day.AddDate(0, 0, 1), world.DefaultThresholds); samples != truth.MediaSamples {
		t.Errorf("read %d media samples, want %d", samples, truth.MediaSamples)
	}
	if slashes == 0 {
		t.Error("no meeting's id needs double encoding: choose another day")
	}
}

// compare holds legs to the truth and returns how many samples they have.
func (b *bundle) compare(t *testing.T, m *world.Meeting, legs []provider.Leg) (samples int) {
	t.Helper()
	type key struct {
		user string
		join time.Time
	}
	got := map[key]provider.Leg{}
	for _, leg := range legs {
		got[key{leg.ParticipantID, leg.JoinAt.UTC()}] = leg
	}
	if len(got) != len(legs) || len(legs) != len(m.Legs) {
		t.Fatalf("read %d legs (%d by key), want %d", len(legs), len(got), len(m.Legs))
	}
	for _, truth := range m.Legs {
		leg, ok := got[key{truth.UserID, truth.JoinAt.UTC()}]
		if !ok {
			t.Fatalf("leg of %s at %s is missing", truth.UserID, truth.JoinAt)
		}
		if leg.Guest != (truth.Person == nil) || leg.MAC != truth.MAC || !leg.LeaveAt.Equal(truth.LeaveAt) || leg.PublicIP != truth.PublicIP {
			t.Errorf("leg is guest %t, mac %s, leave %s, public %s; want %t, %s, %s, %s", leg.Guest, leg.MAC, leg.LeaveAt, leg.PublicIP,
				truth.Person == nil, truth.MAC, truth.LeaveAt, truth.PublicIP)
		}
		if truth.Person != nil && (leg.Person.Email.Reveal() != truth.Person.Email || leg.Person.UserID != truth.Person.ZoomUserID) {
			t.Errorf("leg is of %s, want %s", leg.Person.UserID, truth.Person.ZoomUserID)
		}
		next := 0
		for _, minute := range b.world.Minutes(truth) {
			if !minute.HasMedia() {
				continue
			}
			if next == len(leg.Samples) {
				t.Fatalf("sample of %s is missing", minute.StartAt)
			}
			compareSample(t, leg.Samples[next], minute)
			next++
		}
		if next != len(leg.Samples) {
			t.Errorf("leg has %d samples, want %d", len(leg.Samples), next)
		}
		samples += next
	}
	return samples
}

func compareSample(t *testing.T, got provider.MediaSample, want world.Minute) {
	t.Helper()
	if !got.StartAt.Equal(want.StartAt) || got.EndAt.Sub(got.StartAt) != time.Minute || got.Granularity != provider.PerMinute {
		t.Errorf("sample is of %s to %s, want the minute of %s", got.StartAt, got.EndAt, want.StartAt)
	}
	for _, pair := range []struct {
		name string
		got  provider.Stream
		want world.Stream
	}{
		{"audio in", got.AudioIn, want.AudioIn},
		{"audio out", got.AudioOut, want.AudioOut},
		{"video in", got.VideoIn, want.VideoIn},
		{"video out", got.VideoOut, want.VideoOut},
		{"screen in", got.ScreenIn, want.ScreenIn},
		{"screen out", got.ScreenOut, want.ScreenOut},
	} {
		var truth provider.Stream
		if pair.want.Present {
			truth = provider.Stream{
				LatencyMS: measure.Of(pair.want.LatencyMS), JitterMS: measure.Of(pair.want.JitterMS),
				LossAvgRatio: measure.Of(pair.want.LossAvgPercent * 0.01), LossMaxRatio: measure.Of(pair.want.LossMaxPercent * 0.01),
				BitrateBPS: measure.Of(pair.want.BitrateKbps * 1000),
			}
			if pair.want.Width > 0 {
				truth.FrameRateFPS = measure.Of(pair.want.FrameRateFPS)
				truth.WidthPx, truth.HeightPx = measure.Of(float64(pair.want.Width)), measure.Of(float64(pair.want.Height))
			}
		}
		if pair.got != truth {
			t.Errorf("%s at %s is %+v, want %+v", pair.name, got.StartAt, pair.got, truth)
		}
	}
	if want.RSSI != nil && got.WiFiRSSIAvgDBm.Known() && got.WiFiRSSIAvgDBm != measure.Of(float64(want.RSSI.Avg)) {
		t.Errorf("rssi is %s, want %d", got.WiFiRSSIAvgDBm, want.RSSI.Avg)
	}
}

func TestPageTokensThatDieCostARestartAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var largest *world.Meeting
	for _, m := range b.meetings() {
		if largest == nil || len(m.Legs) > len(largest.Legs) {
			largest = m
		}
	}
	if len(largest.Legs) <= 10 {
		t.Skip("no meeting of this day has two pages")
	}
	if _, err := b.window.Faults.Add(zoomwindow.Fault{Kind: zoomwindow.FaultDropPageTokens, Path: "/qos$", Skip: 1}); err != nil {
		t.Fatal(err)
	}
	legs, err := b.client.ReadMeeting(t.Context(), b.caller, idOf(largest))
	if err != nil {
		t.Fatal(err)
	}
	b.compare(t, largest, legs)
	if got, minimum := int(b.meter.heavy.Load()), zoomwindow.MeetingCost(largest); got <= minimum {
		t.Errorf("reading cost %d requests: the fault did not strike", got)
	}
}

func TestFaultsOfOneMeeting(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault zoomwindow.Fault
		want  provider.Kind // "" where the client gets over it
	}{
		"page of a proxy":   {zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML, Count: -1}, provider.Malformed},
		"listed, not found": {zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Count: -1}, provider.NotFound},
		"not JSON":          {zoomwindow.Fault{Kind: zoomwindow.FaultMalformedJSON, Count: -1}, provider.Malformed},
		"unauthorized":      {zoomwindow.Fault{Kind: zoomwindow.FaultUnauthorized, Count: -1}, provider.Unauthorized},
		"daily limit":       {zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Limit: "daily", HeaderLess: true, Count: -1}, provider.RateLimited},
		"cut once":          {zoomwindow.Fault{Kind: zoomwindow.FaultTruncated, Path: "/qos$"}, ""},
		"down once":         {zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Format: "html"}, ""},
		"per second once":   {zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, RetryAfter: zoomwindow.RetryAfterSeconds}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			m := b.meetings()[0]
			fault := test.fault
			fault.Meeting = idOf(m)
			injected, err := b.window.Faults.Add(fault)
			if err != nil {
				t.Fatal(err)
			}
			legs, err := b.client.ReadMeeting(t.Context(), b.caller, idOf(m))
			if injected.Fired() == 0 {
				t.Fatal("the fault did not strike")
			}
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				b.compare(t, m, legs)
				return
			}
			var failure *provider.Error
			if !errors.As(err, &failure) || failure.Kind != test.want {
				t.Fatalf("error is %v, want kind %s", err, test.want)
			}
			if test.want == provider.RateLimited && (!failure.Daily || failure.RetryAfter <= 0) {
				t.Errorf("daily limit is daily %t, retry after %s", failure.Daily, failure.RetryAfter)
			}
		})
	}
}

func TestDashboardOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.window.SetAccount(b.account.ID, zoomwindow.AccountOptions{DashboardOff: true})
	err := b.client.ListMeetings(t.Context(), b.caller, provider.ListPast, provider.Window{From: day, To: day.AddDate(0, 0, 1)}, nil)
	var failure *provider.Error
	if !errors.As(err, &failure) || failure.Kind != provider.Refused || failure.Code != "200" {
		t.Fatalf("error is %v, want refused with code 200", err)
	}
}
