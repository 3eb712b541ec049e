package mistwindow_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

// noon is a working hour in the world's offices of the Americas and Europe.
var noon = time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)

type bundle struct {
	world  *world.World
	window *mistwindow.Window
	server *httptest.Server
	token  string
	org    *world.Org
	site   *world.Site
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
	b.token = b.window.Issue(b.org.ID)
	b.site = b.busiest()
	b.server = httptest.NewServer(b.window)
	t.Cleanup(b.server.Close)
	return b
}

// busiest is the site of the org with most clients at noon.
func (b *bundle) busiest() *world.Site {
	best, most := b.org.Sites[0], -1
	for _, site := range b.org.Sites {
		if n := len(b.world.Leases(site, noon, noon.Add(time.Second))); n > most {
			best, most = site, n
		}
	}
	return best
}

func (b *bundle) get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	return b.getAs(t, "Token "+b.token, path)
}

func (b *bundle) getAs(t *testing.T, authorization, path string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("decode: %v", err)
	}
	return out
}

type searchReply struct {
	Start, End   float64
	Limit, Total int
	Results      []map[string]any
	Next         string
}

func TestRepliesFollowTheReference(t *testing.T) {
	t.Parallel()
	reference := loadSpec(t)
	b := setup(t, mistwindow.Config{})
	var mac string
	for _, lease := range b.world.Leases(b.site, noon, noon.Add(time.Second)) {
		if !lease.Client.Wired {
			mac = lease.Client.MAC.String()
		}
	}
	org, site := "/api/v1/orgs/"+b.org.ID.String(), "/api/v1/sites/"+b.site.ID.String()
	ap := b.site.APs[0].MAC.String()
	for _, path := range []string{
		"/api/v1/self", "/api/v1/self/usage", "/api/v1/const/insight_metrics",
		org + "/sites", site,
		org + "/clients/search", site + "/clients/search?limit=3",
		org + "/clients/sessions/search", site + "/clients/sessions/search?limit=2",
		org + "/wired_clients/search", site + "/wired_clients/search",
		site + "/stats/clients", site + "/stats/clients?wired=true",
		org + "/stats/devices", org + "/stats/devices?type=all", site + "/stats/devices?type=gateway",
		org + "/stats/ports/search?limit=1", site + "/stats/ports/search", org + "/stats/vpn_peers/search",
		site + "/insights/num_clients", site + "/insights/wan_latency?start=-7d", site + "/insights/wan_loss",
		site + "/insights/client/" + mac + "/rssi",
		site + "/insights/device/" + ap + "/num_clients", site + "/insights/device/" + ap + "/radio_util?band=5&interval=1h",
	} {
		resp, body := b.get(t, path)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, resp.StatusCode, body)
			continue
		}
		bare, _, _ := strings.Cut(path, "?")
		if err := reference.check(bare, body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if strings.Contains(path, "search") && !strings.Contains(path, "vpn") || strings.Contains(path, "stats/") {
			if rows := strings.Count(string(body), `"mac"`); rows == 0 && !strings.Contains(path, "vpn") {
				t.Errorf("%s: no rows to check", path)
			}
		}
	}
}

func TestCheckCanFail(t *testing.T) {
	t.Parallel()
	reference := loadSpec(t)
	for path, body := range map[string]string{
		"/api/v1/orgs/x/sites":                    `[{"id":"not a uuid","name":"a"}]`,
		"/api/v1/sites/x/stats/clients":           `[{"ap_mac":"5c5b350e0410"}]`,
		"/api/v1/orgs/x/clients/search":           `{"start":1,"end":2,"limit":1,"results":[]}`,
		"/api/v1/orgs/x/clients/sessions/search":  `{"start":1,"end":2,"limit":1,"total":2,"results":[{"mac":"a"}]}`,
		"/api/v1/sites/x/insights/device/y/rssi":  `{"start":1,"end":2,"interval":600,"results":[null]}`,
		"/api/v1/orgs/x/stats/devices":            `[{"type":"toaster"}]`,
		"/api/v1/sites/x/insights/client/y/rssi_": `{"start":1,"end":2,"interval":600,"results":[{"a":1},{"a":1}]}`,
	} {
		if reference.check(path, []byte(body)) == nil {
			t.Errorf("%s: %s passes", path, body)
		}
	}
}

func TestArrayPagination(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	path := "/api/v1/orgs/" + b.org.ID.String() + "/stats/devices?type=all"
	_, body := b.get(t, path)
	all := decode[[]map[string]any](t, body)
	seen := map[any]bool{}
	for page := 1; page <= (len(all)+1)/2; page++ {
		resp, body := b.get(t, fmt.Sprintf("%s&limit=2&page=%d", path, page))
		for header, want := range map[string]string{
			"X-Page-Total": strconv.Itoa(len(all)), "X-Page-Limit": "2", "X-Page-Page": strconv.Itoa(page),
		} {
			if got := resp.Header.Get(header); got != want {
				t.Errorf("page %d: %s is %q, want %q", page, header, got, want)
			}
		}
		for _, row := range decode[[]map[string]any](t, body) {
			seen[row["mac"]] = true
		}
	}
	if len(all) < 3 || len(seen) != len(all) {
		t.Errorf("pages showed %d of %d devices", len(seen), len(all))
	}
	if resp, _ := b.get(t, path+"&limit=5000"); resp.Header.Get("X-Page-Limit") != "1000" {
		t.Errorf("limit 5000 granted as %s", resp.Header.Get("X-Page-Limit"))
	}
}

func TestSearchPagination(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	path := "/api/v1/orgs/" + b.org.ID.String() + "/clients/sessions/search?duration=2d"
	_, body := b.get(t, path+"&limit=1000")
	want := decode[searchReply](t, body)
	if want.Next != "" || want.Total != len(want.Results) || want.Total < 8 {
		t.Fatalf("one page: %d of %d rows, next %q", len(want.Results), want.Total, want.Next)
	}
	got := 0
	for next := path + "&limit=7"; next != ""; {
		_, body := b.get(t, next)
		page := decode[searchReply](t, body)
		if page.Total != want.Total || page.Start != want.Start || page.End != want.End {
			t.Fatalf("page after %d rows changed the search: %+v", got, page)
		}
		for _, row := range page.Results {
			if fmt.Sprint(row) != fmt.Sprint(want.Results[got]) {
				t.Fatalf("row %d differs", got)
			}
			got++
		}
		if page.Next != "" && !strings.HasPrefix(page.Next, "/api/v1/") {
			t.Fatalf("next is not relative: %s", page.Next)
		}
		next = page.Next
		b.now = b.now.Add(2 * time.Second)
	}
	if got != want.Total {
		t.Errorf("followed %d of %d rows", got, want.Total)
	}
}

func TestSessionsAreFinishedAndWithoutAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	_, body := b.get(t, "/api/v1/orgs/"+b.org.ID.String()+"/clients/sessions/search?start=-1d&end=9999999999&limit=1000")
	reply := decode[searchReply](t, body)
	if len(reply.Results) == 0 {
		t.Fatal("no sessions")
	}
	for _, row := range reply.Results {
		if end := row["disconnect"].(float64); end > float64(noon.Unix()) || row["timestamp"].(float64) != end {
			t.Errorf("session ends at %v, timestamp %v, now %d", end, row["timestamp"], noon.Unix())
		}
		if _, ok := row["ip"]; ok {
			t.Error("session has an address")
		}
	}
}

func TestTimesAreSecondsOrRelative(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	base := "/api/v1/orgs/" + b.org.ID.String() + "/clients/search?limit=1&"
	end := float64(noon.Unix())
	tests := map[string]struct {
		status     int
		start, end float64
	}{
		"":                                {200, end - 86400, end},
		"duration=10m":                    {200, end - 600, end},
		"start=-2h&end=-1h":               {200, end - 7200, end - 3600},
		"start=-1w&end=now":               {200, end - 7*86400, end},
		"start=1763000000&end=1763000060": {200, 1763000000, 1763000060},
		"start=yesterday":                 {status: 400},
		"duration=d":                      {status: 400},
		"duration=-":                      {status: 400},
		"start=-":                         {status: 400},
		"start=now&end=-1d":               {status: 400},
	}
	for query, want := range tests {
		resp, body := b.get(t, base+query)
		if resp.StatusCode != want.status {
			t.Errorf("%q: status %d, want %d", query, resp.StatusCode, want.status)
			continue
		}
		if want.status == 200 {
			if got := decode[searchReply](t, body); got.Start != want.start || got.End != want.end {
				t.Errorf("%q: window %v..%v, want %v..%v", query, got.Start, got.End, want.start, want.end)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	other := b.world.Orgs[1]
	revoked := b.window.Issue(b.org.ID)
	b.window.Revoke(revoked)
	b.window.RemoveSite(b.org.Sites[1].ID)
	mine := "/api/v1/orgs/" + b.org.ID.String() + "/sites"
	tests := map[string]struct {
		authorization, path string
		status              int
		body                string
	}{
		"no token":         {"", mine, 401, "detail"},
		"wrong scheme":     {"Bearer " + b.token, mine, 401, "detail"},
		"unknown token":    {"Token x", mine, 401, "detail"},
		"revoked token":    {"Token " + revoked, mine, 401, "detail"},
		"other org":        {"Token " + b.token, "/api/v1/orgs/" + other.ID.String() + "/sites", 403, "detail"},
		"other org's site": {"Token " + b.token, "/api/v1/sites/" + other.Sites[0].ID.String(), 403, "detail"},
		"removed site":     {"Token " + b.token, "/api/v1/sites/" + b.org.Sites[1].ID.String() + "/stats/clients", 404, "id"},
		"unknown path":     {"Token " + b.token, "/api/v1/sites/" + b.site.ID.String() + "/insights/client/5c5b350e0410?metrics=rssi", 404, ""},
	}
	for name, tt := range tests {
		resp, body := b.getAs(t, tt.authorization, tt.path)
		got := decode[map[string]string](t, body)
		if resp.StatusCode != tt.status || (tt.body == "") != (len(got) == 0) || tt.body != "" && got[tt.body] == "" {
			t.Errorf("%s: status %d, body %s", name, resp.StatusCode, body)
		}
	}
}

func TestHourlyLimit(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{CallsPerHour: 3, RetryAfter: true})
	other := b.window.Issue(b.org.ID)
	for range 2 {
		b.get(t, "/api/v1/self")
	}
	_, body := b.get(t, "/api/v1/self/usage")
	if got := decode[map[string]float64](t, body); got["requests"] != 3 || got["request_limit"] != 3 || got["seconds"] != 3600-30 {
		t.Errorf("usage: %v", got)
	}
	resp, body := b.get(t, "/api/v1/self")
	if resp.StatusCode != 429 || !strings.Contains(string(body), "reached the 3 API Calls per hour threshold") || resp.Header.Get("Retry-After") != "3570" {
		t.Errorf("fourth call: %d %s, Retry-After %q", resp.StatusCode, body, resp.Header.Get("Retry-After"))
	}
	if resp, _ := b.getAs(t, "Token "+other, "/api/v1/self"); resp.StatusCode != 200 {
		t.Errorf("another token is limited too: %d", resp.StatusCode)
	}
	b.now = b.now.Add(time.Hour)
	if resp, _ := b.get(t, "/api/v1/self"); resp.StatusCode != 200 {
		t.Errorf("next hour: %d", resp.StatusCode)
	}
	if got := b.window.Calls(b.token); got != 5 {
		t.Errorf("calls: %d, want 5", got)
	}
	if got := b.window.Issued(); len(got) != 2 {
		t.Errorf("issued %d tokens, want 2", len(got))
	}
}

func TestInsightsKeepWhatTheCatalogueSays(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	base := "/api/v1/sites/" + b.site.ID.String() + "/insights/wan_latency?limit=1000&"
	count := func(query string) (interval float64, known, gaps int) {
		_, body := b.get(t, base+query)
		reply := decode[struct {
			Interval float64
			Results  []map[string]*float64
		}](t, body)
		for _, row := range reply.Results {
			if row["wan_latency"] == nil {
				gaps++
			} else {
				known++
			}
		}
		return reply.Interval, known, gaps
	}
	if interval, known, gaps := count("duration=1d"); interval != 600 || known != 143 || gaps != 0 {
		t.Errorf("1d: interval %v, %d known, %d gaps", interval, known, gaps)
	}
	if interval, known, gaps := count("start=-2d&interval=10m"); interval != 600 || known != 143 || gaps != 144 {
		t.Errorf("2d at 10m: interval %v, %d known, %d gaps", interval, known, gaps)
	}
	if interval, known, _ := count("start=-3d"); interval != 3600 || known != 71 {
		t.Errorf("3d: interval %v, %d known", interval, known)
	}
}

func TestFaultsAndSkew(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.window.Inject(mistwindow.Fault{Path: "/sites", Status: 503, Times: 1})
	cancel := b.window.Inject(mistwindow.Fault{Path: "/self", Body: `{"privileges":`})
	mine := "/api/v1/orgs/" + b.org.ID.String() + "/sites"
	if resp, _ := b.get(t, mine); resp.StatusCode != 503 {
		t.Errorf("first: %d", resp.StatusCode)
	}
	if resp, _ := b.get(t, mine); resp.StatusCode != 200 {
		t.Errorf("second: %d", resp.StatusCode)
	}
	if _, body := b.get(t, "/api/v1/self"); json.Valid(body) {
		t.Errorf("body is whole: %s", body)
	}
	cancel()
	b.window.SetSkew(90 * time.Second)
	resp, body := b.get(t, "/api/v1/self")
	if want := noon.Add(90 * time.Second).Format(http.TimeFormat); !json.Valid(body) || resp.Header.Get("Date") != want {
		t.Errorf("after cancel: %s, Date %s, want %s", body, resp.Header.Get("Date"), want)
	}
}
