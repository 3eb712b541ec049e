package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/access"
)

// day is a UTC day that all calls of these tests are on.
var day = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// leg is a call with its minutes: "g" is good, "b" bad, "-" not measured.
type leg struct {
	id      int64
	at      time.Duration // since the day began
	mac     string
	ap      string
	uuid    string
	quality string // audio
	minutes string
}

func (b *bundle) calls(t *testing.T, o org, legs ...leg) {
	t.Helper()
	b.exec(t, "select ensure_partitions('call_minutes', $1, $1)", day)
	for _, l := range legs {
		join := day.Add(l.at)
		leave := join.Add(time.Duration(len(l.minutes)) * time.Minute)
		meeting, raw := (*uuid.UUID)(nil), "91234567890"
		if l.uuid != "" {
			id := uuid.MustParse(l.uuid)
			meeting, raw = &id, base64.StdEncoding.EncodeToString(id[:])
		}
		b.exec(t, `insert into matches (org_id, leg_id, provider, account_id, meeting_id, meeting_uuid, site_id, client_mac, rule, confidence,
			person_sealed, join_at, leave_at, audio_quality)
			values ($1, $2, 'zoom', $3, $4, $5, $6, $7, 'mac', 1, '', $8, $9, $10)`,
			o.id, l.id, accountID, raw, meeting, o.site, l.mac, join, leave, l.quality)
		for i, kind := range l.minutes {
			bad, bucket := map[rune]*bool{'g': new(bool), 'b': new(true)}[kind], ""
			if kind == 'b' {
				bucket = []string{"client", "wireless", "site_wan", "far_end", "unknown"}[i%5]
			}
			var ap *string
			if l.ap != "" {
				ap = &l.ap
			}
			at := join.Add(time.Duration(i) * time.Minute)
			b.exec(t, `insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, ap_mac, bad, bucket,
				audio_in_latency_ms, client_rssi_dbm, worst_metric, worst_direction)
				values ($1, $2, $3, $4, 'zoom', $5, $6, $7, $8, $9, $10, $11::text, 187.5, -61, case when $11 = '' then '' else 'latency' end, case when $11 = '' then '' else 'audio_in' end)`,
				o.id, l.id, at, at.Add(time.Minute), accountID, raw, o.site, l.mac, ap, bad, bucket)
		}
	}
}

func (b *bundle) callsPath(o org, what string, pairs ...string) string {
	values := url.Values{"start": {strconv.FormatInt(day.Unix(), 10)}, "end": {strconv.FormatInt(day.Add(24*time.Hour).Unix(), 10)}}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "/api/v1/sites/" + o.site.String() + "/stats/calls/" + what + "?" + values.Encode()
}

var legs = []leg{
	{1, 10 * time.Hour, "aa0000000001", "5c5b00000001", "b784d744-9a7c-4fad-9af0-f78858a319b1", "good", "gbg"},
	{2, 9 * time.Hour, "aa0000000002", "5c5b00000002", "", "bad", "bbbbbb-"},
	{3, 9 * time.Hour, "aa0000000001", "5c5b00000001", "c784d744-9a7c-4fad-9af0-f78858a319b1", "", "g"},
	{4, 11 * time.Hour, "aa0000000003", "", "a784d744-9a7c-4fad-9af0-f78858a319b1", "fair", "-"},
}

// A meeting's calls are found by any form of its id, and of any time unless one is asked for.
func TestSearchByMeeting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	second := legs[0]
	second.id, second.at, second.mac = 11, second.at+90*time.Second, "aa0000000009"
	b.calls(t, b.org, second)
	id := uuid.MustParse(meetingID)
	for name, test := range map[string]struct {
		pairs []string
		want  int
	}{
		"dashes":        {[]string{"meeting_id", meetingID}, 2},
		"32 digits":     {[]string{"meeting_id", strings.ReplaceAll(meetingID, "-", "")}, 2},
		"base64":        {[]string{"meeting_id", base64.StdEncoding.EncodeToString(id[:])}, 2},
		"any time":      {[]string{"meeting_id", meetingID, "start", "", "end", ""}, 2},
		"another time":  {[]string{"meeting_id", meetingID, "start", "-1d", "end", "now"}, 0},
		"by client":     {[]string{"meeting_id", meetingID, "mac", "aa0000000009"}, 1},
		"no such":       {[]string{"meeting_id", uuid.NewString()}, 0},
		"no such, ever": {[]string{"meeting_id", uuid.NewString(), "start", "", "end", ""}, 0},
		"the first one": {[]string{"meeting_id", meetingID, "limit", "1"}, 1},
	} {
		body := decode(t, b.do(t, "GET", b.callsPath(b.org, "search", test.pairs...), "", b.org, access.Helpdesk))
		if got := len(results(t, body)); got != test.want {
			t.Errorf("%s: %d calls, want %d: %v", name, got, test.want, body)
		}
	}
}

func TestSearchShowsACallAsMistDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs[0])
	got := decode(t, b.do(t, "GET", b.callsPath(b.org, "search"), "", b.org, access.Helpdesk))
	want := map[string]any{
		"start": json.Number("1793577600"), "end": json.Number("1793664000"), "limit": json.Number("100"), "total": json.Number("1"),
		"results": []any{map[string]any{
			"app": "zoom", "meeting_id": "b784d744-9a7c-4fad-9af0-f78858a319b1", "mac": "aa0000000001", "org_id": b.org.id.String(),
			"site_id": b.org.site.String(), "start_time": json.Number("1793613600"), "end_time": json.Number("1793613780"), "audio_quality": json.Number("4"),
			"timestamp": json.Number("1793613600"),
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want +got):", diff)
	}
	empty := b.do(t, "GET", b.callsPath(b.other, "search"), "", b.other, access.Helpdesk)
	if got := decode(t, empty); got["next"] != nil || len(got["results"].([]any)) != 0 {
		t.Errorf("without calls: %v", got)
	}
}

// Every order gives every call once, page by page, whatever the size of the pages.
func TestSearchOrdersAndPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	started := map[int64]string{1: "1793613600/aa0000000001", 2: "1793610000/aa0000000002", 3: "1793610000/aa0000000001", 4: "1793617200/aa0000000003"}
	for sort, want := range map[string][]int64{
		"":            {2, 3, 1, 4},
		"timestamp":   {2, 3, 1, 4},
		"-timestamp":  {4, 1, 3, 2},
		"start_time":  {2, 3, 1, 4},
		"-site_id":    {4, 1, 3, 2},
		"end_time":    {3, 2, 1, 4},
		"mac":         {1, 3, 2, 4},
		"-mac":        {4, 2, 3, 1},
		"meeting_id":  {2, 4, 1, 3},
		"-meeting_id": {3, 1, 4, 2},
	} {
		for _, size := range []string{"1", "2", "3", "4", "1000"} {
			var got []string
			target := b.callsPath(b.org, "search", "limit", size, "sort", sort)
			for pages := 0; target != "" && pages < 10; pages++ {
				answer := b.do(t, "GET", target, "", b.org, access.Observer)
				if answer.Code != 200 {
					t.Fatalf("%s: %d %s", target, answer.Code, answer.Body)
				}
				page := decode(t, answer)
				if page["total"] != json.Number("4") {
					t.Errorf("sort %q: total is %v", sort, page["total"])
				}
				for _, r := range page["results"].([]any) {
					row := r.(map[string]any)
					got = append(got, row["start_time"].(json.Number).String()+"/"+row["mac"].(string))
				}
				target, _ = page["next"].(string)
				if target != "" && (!strings.HasPrefix(target, "/api/v1/sites/") || strings.Contains(target, "duration")) {
					t.Errorf("next is %q", target)
				}
			}
			var names []string
			for _, id := range want {
				names = append(names, started[id])
			}
			if diff := cmp.Diff(names, got); diff != "" {
				t.Errorf("sort %q, limit %s (-want +got): %s", sort, size, diff)
			}
		}
	}
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	hour := func(h int) string { return strconv.FormatInt(day.Add(time.Duration(h)*time.Hour).Unix(), 10) }
	for name, test := range map[string]struct {
		pairs []string
		want  int
	}{
		"all":                     {nil, 4},
		"mac":                     {[]string{"mac", "AA:00:00:00:00:01"}, 2},
		"app":                     {[]string{"app", "zoom"}, 4},
		"another app":             {[]string{"app", "teams"}, 0},
		"half-open, begin":        {[]string{"start", hour(10)}, 2},
		"half-open, end":          {[]string{"end", hour(10)}, 2},
		"milliseconds":            {[]string{"start", hour(10) + "000", "end", hour(24) + "000"}, 2},
		"start and duration":      {[]string{"start", hour(9), "end", "", "duration", "1h"}, 2},
		"limit 0 counts only":     {[]string{"limit", "0"}, 0},
		"relative, long after it": {[]string{"start", "-1h", "end", "now"}, 0},
	} {
		answer := b.do(t, "GET", b.callsPath(b.org, "search", test.pairs...), "", b.org, access.Admin)
		if answer.Code != 200 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
			continue
		}
		if got := len(decode(t, answer)["results"].([]any)); got != test.want {
			t.Errorf("%s: %d calls, want %d", name, got, test.want)
		}
	}
	for name, pairs := range map[string][]string{
		"mac": {"mac", "xyz"}, "app": {"app", "skype"}, "limit": {"limit", "-1"}, "sort": {"sort", "person_sealed"}, "start": {"start", "yesterday"},
		"end": {"end", "-1y"}, "duration": {"duration", "1"}, "search_after": {"search_after", "%%%"},
	} {
		answer := b.do(t, "GET", b.callsPath(b.org, "search", pairs...), "", b.org, access.Admin)
		if detail, _ := decode(t, answer)["detail"].(string); answer.Code != http.StatusBadRequest || !strings.HasPrefix(detail, name+": want") && !strings.HasPrefix(detail, name+": follow") {
			t.Errorf("%s: got %d %q", name, answer.Code, detail)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.calls(t, b.org, legs...)
	numbers := func(texts ...string) map[string]any {
		got := map[string]any{}
		for i := 0; i < len(texts); i += 2 {
			got[texts[i]] = json.Number(texts[i+1])
		}
		return got
	}
	for name, test := range map[string]struct {
		pairs []string
		want  map[string]any
	}{
		"all": {nil, numbers("num_users", "3", "num_aps", "2", "total_minutes", "12", "bad_minutes", "7", "bad_minutes_client", "2",
			"bad_minutes_wireless", "2", "bad_minutes_site_wan", "1", "bad_minutes_far_end", "1", "bad_minutes_unknown", "1", "unmeasured_minutes", "2", "provisional_minutes", "0")},
		"one AP": {[]string{"ap_mac", "5c5b00000001"}, numbers("num_users", "1", "num_aps", "1", "total_minutes", "4", "bad_minutes", "1", "bad_minutes_client", "0",
			"bad_minutes_wireless", "1", "bad_minutes_site_wan", "0", "bad_minutes_far_end", "0", "bad_minutes_unknown", "0", "unmeasured_minutes", "0", "provisional_minutes", "0")},
		"nothing": {[]string{"app", "teams"}, numbers("num_users", "0", "num_aps", "0", "total_minutes", "0", "bad_minutes", "0", "bad_minutes_client", "0",
			"bad_minutes_wireless", "0", "bad_minutes_site_wan", "0", "bad_minutes_far_end", "0", "bad_minutes_unknown", "0", "unmeasured_minutes", "0", "provisional_minutes", "0")},
	} {
		got := decode(t, b.do(t, "GET", b.callsPath(b.org, "summary", test.pairs...), "", b.org, access.Helpdesk))
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
	}
}
