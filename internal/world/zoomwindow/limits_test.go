package zoomwindow

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	light, heavy, intensive := "/users/me", "/metrics/meetings/93201235623?type=past", "/metrics/meetings?type=past"+span
	tests := map[string]struct {
		path     string
		allowed  int
		wait     time.Duration
		category string
		message  string
	}{
		"light":              {light, 80, time.Second, "Light", perSecondText},
		"heavy":              {heavy, 40, time.Second, "Heavy", perSecondText},
		"resource-intensive": {intensive, 20, time.Minute, "Resource-intensive", perMinuteText},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			access, _ := b.pair(b.owner)
			for i := range tt.allowed {
				if got := b.get(access, tt.path); got.status != 200 || got.header.Get("X-Ratelimit-Category") != tt.category || got.header.Get("X-Ratelimit-Limit") != "" {
					t.Fatalf("request %d: got %d %v", i, got.status, got.header)
				}
			}
			if got := b.get(access, tt.path); got.status != 429 || got.code() != 429 || got.text("message") != tt.message || got.header.Get("Retry-After") != "" {
				t.Errorf("over the limit: got %d %s", got.status, got.raw)
			}
			b.clock.Advance(tt.wait)
			if got := b.get(access, tt.path); got.status != 200 {
				t.Errorf("after the window: got %d", got.status)
			}
		})
	}
}

func TestDailyQuota(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replies    ReplyOptions
		kind       string
		retryAfter string
	}{
		"bare":      {ReplyOptions{Headers: HeadersNone}, "", ""},
		"all":       {ReplyOptions{Headers: HeadersAll, RetryAfter: RetryAfterISO}, "Daily-limit", "2026-11-11T00:00:00Z"},
		"http date": {ReplyOptions{RetryAfter: RetryAfterHTTP}, "", "Wed, 11 Nov 2026 00:00:00 GMT"},
		"seconds":   {ReplyOptions{RetryAfter: RetryAfterSeconds}, "", "43200"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) { c.Replies = tt.replies })
			access, _ := b.pair(b.owner)
			b.ConsumeQuota(b.account, 59_998) // another app of the account
			heavy, intensive := "/metrics/meetings/93201235623?type=past", "/metrics/meetings?type=past"+span
			for _, path := range []string{heavy, intensive} {
				if got := b.get(access, path); got.status != 200 {
					t.Fatalf("%s: got %d", path, got.status)
				}
			}
			for _, path := range []string{heavy, intensive} {
				got := b.get(access, path)
				if got.status != 429 || got.text("message") != dailyText || got.header.Get("X-Ratelimit-Type") != tt.kind || got.header.Get("Retry-After") != tt.retryAfter {
					t.Errorf("%s: got %d %v", path, got.status, got.header)
				}
			}
			if got := b.get(access, "/users/me"); got.status != 200 {
				t.Errorf("light requests have no daily quota: got %d", got.status)
			}
			if used := b.QuotaUsed(b.account); used != 60_000 {
				t.Errorf("quota used: got %d", used)
			}
			b.clock.Advance(12 * time.Hour) // 00:00 UTC; the token has expired meanwhile
			access, _ = b.pair(b.owner)
			if got := b.get(access, heavy); got.status != 200 || b.QuotaUsed(b.account) != 1 {
				t.Errorf("a new day: got %d, used %d", got.status, b.QuotaUsed(b.account))
			}
		})
	}
}

func TestAccounting(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	b.get(access, "/users/me")
	b.get("dead", "/metrics/meetings?type=past"+span)
	list := b.get(access, "/metrics/meetings?type=past"+span)
	for _, uuid := range uuids(list) {
		path := "/metrics/meetings/" + url.PathEscape(url.PathEscape(uuid)) + "/participants"
		if got := b.get(access, path+"?type=past&page_size=300"); got.status != 200 {
			t.Fatalf("got %d %s", got.status, got.raw)
		}
		for token, more := "", true; more; more = token != "" {
			token = b.get(access, path+"/qos?type=past&page_size=10&next_page_token="+url.QueryEscape(token)).text("next_page_token")
		}
	}
	day := noon.Truncate(24 * time.Hour)
	lists := []List{{Type: "past", From: day, Before: day.AddDate(0, 0, 1)}}
	// One list; three meetings of 2 joins cost 2 each, the one of 12 costs 3.
	if got, want := b.MinimumRequests(b.account, lists, 1), 1+3*2+3; got != want {
		t.Errorf("minimum: got %d, want %d", got, want)
	}
	if got, want := b.Metered(b.account.ID), b.MinimumRequests(b.account, lists, 1); got != want {
		t.Errorf("metered: got %d, want the minimum of %d", got, want)
	}
	one := "GET /metrics/meetings/{meetingId}"
	want := []Count{
		{"", ResourceIntensive, "GET /metrics/meetings", 401, 1},
		{b.account.ID, ResourceIntensive, "GET /metrics/meetings", 200, 1},
		{b.account.ID, Heavy, one + "/participants", 200, 4},
		{b.account.ID, Heavy, one + "/participants/qos", 200, 5},
		{b.account.ID, Light, "GET /users/me", 200, 1},
	}
	if diff := cmp.Diff(want, b.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestPersonalData(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	want := []string{
		"Dev Deputy", "Mem Berg", "Olive Ownerby", "dev@quillmere.example", "mem@quillmere.example", "olive@quillmere.example",
	}
	if diff := cmp.Diff(want, b.PersonalData()); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	b.get(access, fmt.Sprintf("/metrics/meetings/%s/participants?type=past", url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==")))
	want = append([]string{"Dev Deputy", "Gust Gastson"}, want[1:]...)
	if diff := cmp.Diff(want, b.PersonalData()); diff != "" {
		t.Errorf("after a guest was shown (-want +got):\n%s", diff)
	}
}
