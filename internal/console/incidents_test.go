package console_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"callweave/internal/access"
)

// What several people's bad minutes share shows under the name of its access point, leads to
// their calls, each at the minute in question, and is nobody else's to see.
func TestIncidents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.signedIn(t, access.Helpdesk)
	if page := b.send(t, client, "GET", "/console/incidents", nil); page.status != 200 || !strings.Contains(page.body, "Nothing is known") && !strings.Contains(page.body, "being collected") {
		t.Errorf("incidents of an org that is not synced: %d\n%s", page.status, page.body)
	}
	b.fillCall(t)
	list := b.send(t, client, "GET", "/console/incidents", nil)
	for _, want := range []string{"1 incident", "Busy air", "ap-berlin-2nd-floor-meeting-rooms-07, 5 GHz", `data-label="People" class="number">3<`, `class="bad">21<`, "Berlin"} {
		if !strings.Contains(list.body, want) {
			t.Errorf("no %q in:\n%s", want, list.body)
		}
	}
	href := html.UnescapeString(firstMatch(t, list.body, `href="(/console/sites/[^"]+/incident[^"]*)"`))
	one := b.send(t, client, "GET", href, nil)
	for _, want := range []string{"Busy air at ap-berlin-2nd-floor-meeting-rooms-07, 5 GHz", "Spread the devices", `class="cause-wireless"`} {
		if one.status != 200 || !strings.Contains(one.body, want) {
			t.Errorf("%d, no %q in:\n%s", one.status, want, one.body)
		}
	}
	if strings.Contains(one.body, "Roe") {
		t.Error("the page of an incident names people to the helpdesk")
	}
	call := html.UnescapeString(firstMatch(t, one.body, `href="(/console/calls/\d+\?minute=[^"#]+)`))
	shown := b.send(t, client, "GET", call, nil)
	if !strings.Contains(shown.body, `<h2>Minute `) || !strings.Contains(shown.body, "Sound received: uneven delay") {
		t.Errorf("%s shows:\n%s", call, shown.body)
	}
	for _, path := range []string{
		strings.Replace(href, "since=", "since=9", 1), strings.Replace(href, "cause=radio_util", "cause=wan_rtt", 1),
		"/console/sites/" + b.site.String() + "/incident", "/console/sites/x/incident?since=1", strings.Replace(href, b.site.String(), b.org.String(), 1),
	} {
		if got := b.send(t, client, "GET", path, nil); got.status != 404 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	site := b.send(t, client, "GET", "/console/sites/"+b.site.String(), nil)
	for _, want := range []string{"Busy air", "ap-berlin-2nd-floor-meeting-rooms-07 <code", "<code>d4:20:b0:00:00:02</code>", "Gateway: gw-berlin-1."} {
		if !strings.Contains(site.body, want) {
			t.Errorf("the site: no %q in:\n%s", want, site.body)
		}
	}
}

func firstMatch(t *testing.T, text, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in:\n%s", pattern, text)
	}
	return found[1]
}

// "Why was my call bad at 10:14?": the search for a time leads to that minute of the calls
// that went on then, and a call that nobody asked a minute of shows its worst.
func TestACallIsAskedAboutByTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fillCall(t)
	client := b.signedIn(t, access.Admin)
	at := time.Now().UTC().Add(-33 * time.Minute).Truncate(time.Minute)
	sent := b.send(t, client, "POST", "/console/calls", url.Values{"text": {"aa0000000001"}, "around": {at.Format("2006-01-02T15:04")}, "zone": {"UTC"}})
	found := b.send(t, client, "GET", sent.location, nil)
	href := html.UnescapeString(firstMatch(t, found.body, `<tbody>\s*<tr>\s*<th scope="row"><a href="(/console/calls/[^"#]+)`))
	if want := "/console/calls/2?minute=" + strings.ToLower(url.QueryEscape(at.Format(time.RFC3339))); !strings.EqualFold(href, want) {
		t.Fatalf("the first call found leads to %q, want %q", href, want)
	}
	for path, want := range map[string]string{
		href:               "Minute <time datetime=\"" + at.Format(time.RFC3339),
		"/console/calls/2": "The worst minute: <time",
		"/console/calls/3?minute=2001-01-01T00:00:00Z": "",
	} {
		page := b.send(t, client, "GET", path, nil)
		if page.status != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%s: %d, no %q in:\n%s", path, page.status, want, page.body)
		}
	}
	page := b.send(t, client, "GET", "/console/calls/2", nil)
	for _, want := range []string{"Wi-Fi (7 minutes): busy air (", "of the time) at ap-berlin-2nd-floor-meeting-rooms-07", "gw-berlin-1"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q in:\n%s", want, page.body)
		}
	}
}
