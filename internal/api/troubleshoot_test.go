package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

const meetingID = "b784d744-9a7c-4fad-9af0-f78858a319b1"

// oracle explains every minute alike, with names of both of Mist's forms.
type oracle struct{}

func (oracle) Explain(_ context.Context, _ uuid.UUID, minutes []db.CallMinute) ([]insight.Explanation, error) {
	explanations := make([]insight.Explanation, len(minutes))
	for i := range minutes {
		e := &explanations[i]
		*e = insight.Explanation{
			ModelVersion: 7, Factory: true,
			Odds: insight.Contributions{Expected: -2.5, Features: []insight.Contribution{
				{Feature: "wan_rtt", Value: 1.25}, {Feature: "site_wan_upload_mbps", Value: 0.5}, {Feature: "client_rssi", Value: 3e-6},
			}},
			Directions: []insight.DirectionLatency{
				{Direction: "audio_in", Contributions: insight.Contributions{Expected: 30.5, Features: []insight.Contribution{
					{Feature: "site_wan_rtt", Value: 120.25}, {Feature: "wan_max_upload_mbps", Value: -1}, {Feature: "radio_util", Value: 12},
				}}},
				{Direction: "video_out", Contributions: insight.Contributions{Expected: 40, Features: []insight.Contribution{{Feature: "wan_jitter", Value: 2}}}},
			},
		}
		if minutes[i].Bad != nil && *minutes[i].Bad {
			e.Confidence = measure.Of(0.75)
			e.Worst = &insight.WorstMetric{
				Unit: "ms", Observed: minutes[i].AudioInLatencyMs.Or(0),
				Contributions:  insight.Contributions{Expected: 30.5, Features: []insight.Contribution{{Feature: "site_wan_rtt", Value: 120.25}, {Feature: "radio_util", Value: 12}}},
				Counterfactual: &insight.Counterfactual{Feature: "wan_rtt", Value: 45},
			}
		}
	}
	return explanations, nil
}

func explained() option {
	return func(c *api.Config, _ *authorize.Config) { c.Explainer = oracle{} }
}

func results(t *testing.T, body map[string]any) []map[string]any {
	t.Helper()
	list, ok := body["results"].([]any)
	if !ok {
		t.Fatalf("no results: %v", body)
	}
	items := make([]map[string]any, len(list))
	for i := range list {
		items[i] = list[i].(map[string]any)
	}
	return items
}

func TestTroubleshootShowsAMinuteAsMistDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, explained())
	b.calls(t, b.org, legs...)
	number := func(text string) json.Number { return json.Number(text) }
	got := decode(t, b.do(t, "GET", b.callsPath(b.org, "client/AA0000000001/troubleshoot", "meeting_id", meetingID), "", b.org, access.Helpdesk))
	want := map[string]any{
		"mac": "aa0000000001", "meeting_id": meetingID, "start": number("1793577600"), "end": number("1793664000"),
		"limit": number("100"), "page": number("1"), "total": number("1"),
		"results": []any{map[string]any{
			"timestamp": number("1793613660"), "app": "zoom", "meeting_id": meetingID, "site_id": b.org.site.String(), "mac": "aa0000000001",
			"ap_mac": "5c5b00000001", "bucket": "wireless", "worst_metric": "latency", "worst_direction": "audio_in",
			"expected": number("-2.5"), "site_wan_rtt": number("1.25"), "site_wan_upload_mbps": number("0.5"), "client_rssi": number("0.000003"),
			"audio_in":  map[string]any{"expected": number("30.5"), "wan_rtt": number("120.25"), "wan_max_upload_mbps": number("-1"), "radio_util": number("12")},
			"video_out": map[string]any{"expected": number("40"), "wan_jitter": number("2")},
			"explanation": map[string]any{
				"model_version": number("7"), "factory": true, "confidence": number("0.75"), "unit": "ms", "observed": number("187.5"),
				"predicted": number("162.75"), "unexplained": number("24.75"), "expected": number("30.5"),
				"contributions":  map[string]any{"wan_rtt": number("120.25"), "radio_util": number("12")},
				"counterfactual": map[string]any{"feature": "wan_rtt", "value": number("45")},
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
	// Without a model, the bucket is all there is.
	plain := setup(t)
	plain.calls(t, plain.org, legs...)
	for _, item := range results(t, decode(t, plain.do(t, "GET", plain.callsPath(plain.org, "troubleshoot"), "", plain.org, access.Helpdesk))) {
		if item["bucket"] == "" || item["expected"] != nil || item["explanation"] != nil || item["audio_in"] != nil {
			t.Errorf("without an explainer: %v", item)
		}
	}
}

// Whoever adds up the numbers of an object gets what is predicted.
func TestContributionsAddUpInEveryObject(t *testing.T) {
	t.Parallel()
	b := setup(t, explained())
	b.calls(t, b.org, legs...)
	sum := func(object map[string]any, leave ...string) (sum float64) {
		for name, value := range object {
			if number, ok := value.(json.Number); ok && !strings.Contains(strings.Join(leave, " "), name) {
				f, _ := number.Float64()
				sum += f
			}
		}
		return sum
	}
	for _, item := range results(t, decode(t, b.do(t, "GET", b.callsPath(b.org, "troubleshoot"), "", b.org, access.Helpdesk))) {
		if got := sum(item, "timestamp"); math.Abs(got-(-0.749997)) > 1e-9 {
			t.Errorf("the log-odds add up to %v", got)
		}
		if got := sum(item["audio_in"].(map[string]any)); got != 161.75 {
			t.Errorf("the latency adds up to %v", got)
		}
	}
}

func TestTroubleshootFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	b.calls(t, b.other, leg{9, 10 * time.Hour, "aa0000000001", "5c5b00000001", meetingID, "good", "bbb"})
	id := uuid.MustParse(meetingID)
	inBase64 := base64.StdEncoding.EncodeToString(id[:])
	for name, test := range map[string]struct {
		path  string
		pairs []string
		want  int
	}{
		"site":                {"troubleshoot", nil, 7},
		"one AP":              {"troubleshoot", []string{"ap", "5c-5b-00-00-00-02"}, 6},
		"one client":          {"troubleshoot", []string{"mac", "aa0000000001"}, 1},
		"one meeting":         {"troubleshoot", []string{"meeting_id", meetingID}, 1},
		"app":                 {"troubleshoot", []string{"app", "teams"}, 0},
		"a page":              {"troubleshoot", []string{"limit", "3", "page", "2"}, 3},
		"the last page":       {"troubleshoot", []string{"limit", "3", "page", "3"}, 1},
		"beyond the last":     {"troubleshoot", []string{"limit", "3", "page", "4"}, 0},
		"limit 0":             {"troubleshoot", []string{"limit", "0"}, 0},
		"half-open":           {"troubleshoot", []string{"start", strconv.FormatInt(day.Add(9*time.Hour+3*time.Minute).Unix(), 10)}, 4},
		"client":              {"client/aa0000000001/troubleshoot", []string{"meeting_id", meetingID}, 1},
		"client, the MAC too": {"client/aa0000000001/troubleshoot", []string{"meeting_id", meetingID, "mac", "AA:00:00:00:00:01"}, 1},
		"32 digits":           {"client/aa0000000001/troubleshoot", []string{"meeting_id", strings.ReplaceAll(meetingID, "-", "")}, 1},
		"base64":              {"client/aa0000000001/troubleshoot", []string{"meeting_id", inBase64}, 1},
		"base64, twice":       {"client/aa0000000001/troubleshoot", []string{"meeting_id", url.PathEscape(inBase64)}, 1},
		"any time":            {"client/aa0000000001/troubleshoot", []string{"meeting_id", meetingID, "start", "", "end", ""}, 1},
		"another time":        {"client/aa0000000001/troubleshoot", []string{"meeting_id", meetingID, "start", "-1d", "end", "now"}, 0},
		"a good call":         {"client/aa0000000003/troubleshoot", []string{"meeting_id", legs[3].uuid}, 0},
		"another's meeting":   {"client/aa0000000002/troubleshoot", []string{"meeting_id", meetingID}, 0},
		"no such meeting":     {"client/aa0000000001/troubleshoot", []string{"meeting_id", uuid.NewString()}, 0},
	} {
		answer := b.do(t, "GET", b.callsPath(b.org, test.path, test.pairs...), "", b.org, access.Admin)
		if answer.Code != 200 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
			continue
		}
		if got := len(results(t, decode(t, answer))); got != test.want {
			t.Errorf("%s: %d minutes, want %d", name, got, test.want)
		}
	}
	for _, test := range []struct {
		path, field string
		pairs       []string
	}{
		{"client/aa0000000001/troubleshoot", "meeting_id", nil},
		{"client/aa0000000001/troubleshoot", "meeting_id", []string{"meeting_id", "91234567890"}},
		{"client/aa00000000zz/troubleshoot", "client_mac", []string{"meeting_id", meetingID}},
		{"client/aa0000000001/troubleshoot", "mac", []string{"meeting_id", meetingID, "mac", "aa0000000002"}},
		{"client/aa0000000001/troubleshoot", "page", []string{"meeting_id", meetingID, "page", "0"}},
		{"client/aa0000000001/timeline", "limit", []string{"limit", "x"}},
		{"troubleshoot", "ap", []string{"ap", "x"}},
		{"troubleshoot", "mac", []string{"mac", "ffffffffffff"}},
		{"troubleshoot", "meeting_id", []string{"meeting_id", "1234567890abcdef"}},
		{"troubleshoot", "app", []string{"app", "skype"}},
		{"troubleshoot", "page", []string{"page", "100000"}},
		{"troubleshoot", "duration", []string{"duration", "soon"}},
		{"count", "distinct", []string{"distinct", "person_sealed"}},
		{"count", "rating", []string{"rating", "1,6"}},
		{"count", "rating", []string{"rating", ""}},
		{"count", "app", []string{"app", "skype"}},
		{"summary", "ap_mac", []string{"ap_mac", "x"}},
		// What would narrow another list.
		{"troubleshoot", "ap_mac", []string{"ap_mac", "5c5b00000001"}},
		{"summary", "ap", []string{"ap", "5c5b00000001"}},
		{"summary", "mac", []string{"mac", "aa0000000001"}},
		{"count", "mac", []string{"mac", "aa0000000001"}},
		{"search", "rating", []string{"rating", "1"}},
		{"incidents", "meeting_id", []string{"meeting_id", meetingID}},
		{"client/aa0000000001/timeline", "mac", []string{"mac", "aa0000000001"}},
		{"search", "meeting_id", []string{"meeting_id", "91234567890"}},
	} {
		answer := b.do(t, "GET", b.callsPath(b.org, test.path, test.pairs...), "", b.org, access.Admin)
		if detail, _ := decode(t, answer)["detail"].(string); answer.Code != 400 || !strings.HasPrefix(detail, test.field+": want") {
			t.Errorf("%s with %v: got %d %q", test.path, test.pairs, answer.Code, detail)
		}
	}
}

// Pages are followed by their headers, as Mist's lists, and by next: each minute comes once.
func TestTroubleshootPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	seen := map[string]bool{}
	target := b.callsPath(b.org, "troubleshoot", "limit", "2")
	for page := 1; target != "" && page < 10; page++ {
		answer := b.do(t, "GET", target, "", b.org, access.Helpdesk)
		h := answer.Header()
		if got, want := h.Get("X-Page-Total")+" "+h.Get("X-Page-Limit")+" "+h.Get("X-Page-Page"), fmt.Sprintf("7 2 %d", page); got != want {
			t.Errorf("headers of page %d: %s, want %s", page, got, want)
		}
		body := decode(t, answer)
		for _, item := range results(t, body) {
			seen[item["mac"].(string)+item["timestamp"].(json.Number).String()] = true
		}
		target, _ = body["next"].(string)
	}
	if len(seen) != 7 {
		t.Errorf("%d minutes on all pages, want 7: %v", len(seen), seen)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	b := setup(t, explained())
	b.calls(t, b.org, legs...)
	for _, path := range []string{
		b.callsPath(b.org, "client/aa0000000001/timeline", "meeting_id", meetingID),
		"/api/v1/orgs/" + b.org.id.String() + "/stats/calls/client/aa0000000001/timeline?meeting_id=" + meetingID, // of any time
	} {
		items := results(t, decode(t, b.do(t, "GET", path, "", b.org, access.Helpdesk)))
		if len(items) != 3 {
			t.Fatalf("%s: %d minutes, want 3", path, len(items))
		}
		var judged []any
		for _, item := range items {
			judged = append(judged, item["bad"])
			if diff := cmp.Diff(map[string]any{"audio_in_latency_ms": json.Number("187.5")}, item["media"]); diff != "" {
				t.Error("media (-want +got):", diff)
			}
			if diff := cmp.Diff(map[string]any{"client_rssi_dbm": json.Number("-61")}, item["device"]); diff != "" {
				t.Error("device (-want +got):", diff)
			}
			if item["site_wan_rtt"] != json.Number("1.25") || item["audio_in"] == nil {
				t.Errorf("no contributions: %v", item)
			}
			explanation, bad := item["explanation"].(map[string]any), item["bad"].(bool)
			if (explanation["observed"] != nil) != bad || (explanation["confidence"] != nil) != bad {
				t.Errorf("what was worst, and how sure that is: %v", item)
			}
		}
		if diff := cmp.Diff([]any{false, true, false}, judged); diff != "" {
			t.Error("bad (-want +got):", diff)
		}
	}
	// A minute in which nothing was measured is neither good nor bad, and is not explained.
	unmeasured := results(t, decode(t, b.do(t, "GET", b.callsPath(b.org, "client/aa0000000003/timeline"), "", b.org, access.Helpdesk)))
	if len(unmeasured) != 1 || unmeasured[0]["bad"] != nil || unmeasured[0]["explanation"] != nil {
		t.Errorf("unmeasured: %v", unmeasured)
	}
	if got := b.do(t, "GET", b.callsPath(b.org, "client/aa0000000001/timeline", "meeting_id", uuid.NewString()), "", b.org, access.Helpdesk); got.Code != 404 {
		t.Errorf("of a meeting that is not there: %d %s", got.Code, got.Body)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	for name, test := range map[string]struct {
		pairs []string
		want  string
	}{
		"mac":        {nil, "3 map[count:2 mac:aa0000000001] map[count:1 mac:aa0000000002] map[count:1 mac:aa0000000003]"},
		"the first":  {[]string{"limit", "1"}, "3 map[count:2 mac:aa0000000001]"},
		"none":       {[]string{"limit", "0"}, "3"},
		"app":        {[]string{"distinct", "app"}, "1 map[app:zoom count:4]"},
		"site":       {[]string{"distinct", "site_id"}, "1 map[count:4 site_id:" + b.org.site.String() + "]"},
		"meeting":    {[]string{"distinct", "meeting_id", "limit", "1"}, "4 map[count:1 meeting_id:91234567890]"},
		"Teams":      {[]string{"app", "teams"}, "0"},
		"one rating": {[]string{"rating", "5"}, "0"},
		"ratings":    {[]string{"rating", "1, 2"}, "0"},
	} {
		body := decode(t, b.do(t, "GET", b.callsPath(b.org, "count", test.pairs...), "", b.org, access.Helpdesk))
		got := []string{string(body["total"].(json.Number))}
		for _, item := range results(t, body) {
			got = append(got, fmt.Sprint(item))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %s, want %s", name, strings.Join(got, " "), test.want)
		}
	}
}

// What is asked of an org is of all its sites and of no other org's.
func TestCallsOfAnOrg(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.org
	second.site = uuid.New()
	b.exec(t, "insert into sites (org_id, site_id, name) values ($1, $2, 'Second')", b.org.id, second.site)
	b.calls(t, b.org, legs...)
	b.calls(t, second, leg{7, 12 * time.Hour, "aa0000000001", "5c5b00000001", "", "good", "bbg"})
	b.calls(t, b.other, leg{9, 10 * time.Hour, "aa0000000009", "5c5b00000009", meetingID, "good", "bbb"})
	path := func(what string, pairs ...string) string {
		return strings.Replace(b.callsPath(b.org, what, pairs...), "/sites/"+b.org.site.String(), "/orgs/"+b.org.id.String(), 1)
	}
	search := decode(t, b.do(t, "GET", path("search", "limit", "2"), "", b.org, access.Helpdesk))
	next, _ := search["next"].(string)
	if search["total"] != json.Number("5") || !strings.HasPrefix(next, "/api/v1/orgs/"+b.org.id.String()+"/stats/calls/search?") {
		t.Errorf("search: %v", search)
	}
	if got := decode(t, b.do(t, "GET", path("count"), "", b.org, access.Helpdesk)); fmt.Sprint(got["results"].([]any)[0]) != "map[count:3 mac:aa0000000001]" {
		t.Errorf("count: %v", got)
	}
	if got := decode(t, b.do(t, "GET", path("troubleshoot"), "", b.org, access.Helpdesk)); got["total"] != json.Number("9") {
		t.Errorf("troubleshoot: %v", got["total"])
	}
	summary := decode(t, b.do(t, "GET", path("summary"), "", b.org, access.Helpdesk))
	var sites []string
	for _, site := range summary["sites"].([]any) {
		site := site.(map[string]any)
		sites = append(sites, fmt.Sprint(site["site_id"], " ", site["bad_minutes"], " ", site["total_minutes"], " ", site["num_users"]))
	}
	want := []string{b.org.site.String() + " 7 12 3", second.site.String() + " 2 3 1"}
	if diff := cmp.Diff(want, sites); diff != "" {
		t.Error("sites (-want +got):", diff)
	}
	if got := fmt.Sprint(summary["bad_minutes"], " ", summary["total_minutes"], " ", summary["num_users"], " ", summary["num_aps"]); got != "9 15 3 2" {
		t.Errorf("all sites: %s", got)
	}
	empty := decode(t, b.do(t, "GET", path("summary", "app", "teams"), "", b.org, access.Helpdesk))
	if empty["total_minutes"] != json.Number("0") || len(empty["sites"].([]any)) != 0 {
		t.Errorf("nothing: %v", empty)
	}
}
