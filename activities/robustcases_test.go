package activities

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/workflows"
)

// TestSurvives lives through what is known to go wrong between a harvester and Zoom, and
// looks after each whether all samples equal the truth or what is missing is seen with its
// cause: meanwhile, and when the trouble is over.
func TestSurvives(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]survives{
		"requests that default to something else": asksForThePast(),
		"ids with slashes, plus and equals signs": {hurt: needsEscaping},
		"participants who join again":             {hurt: needsRejoins, check: countsEveryJoinOnce},
		"guests without a trace": {setup: harvestSetup{window: func(c *zoomwindow.Config) {
			c.Accounts = map[string]zoomwindow.AccountOptions{accountOf(7): {BlankPersonal: true}}
		}}},
		"a list by end time is refused": {setup: harvestSetup{window: func(c *zoomwindow.Config) {
			c.Accounts = map[string]zoomwindow.AccountOptions{accountOf(7): {RefuseEndTime: true}}
		}}},
		"past lacks those who met nobody": {setup: harvestSetup{window: func(c *zoomwindow.Config) { c.Replies.SeparatePastOne = true }}},
		"meetings across midnight and the month's end": {
			setup: harvestSetup{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), lookback: 36 * time.Hour}, hurt: needsMidnight,
		},

		// What is answered in a form that the documentation does not show.
		"totals that are wrong":                {hurt: inReplies("/metrics/meetings", `"total_records":\d+`, `"total_records":0`)},
		"durations that are numbers":           {hurt: inReplies("/metrics/meetings", `"duration":"[^"]*"`, `"duration":45`)},
		"ids that are texts":                   {hurt: inReplies("/metrics/meetings", `"id":(\d+)`, `"id":"$1"`)},
		"devices nobody has heard of":          {hurt: inReplies("/participants", `"device":"[^"]*"`, `"device":"Toaster"`)},
		"roles and networks nobody knows":      {hurt: inReplies("/participants", `"network_type":"[^"]*"`, `"network_type":"Carrier Pigeon"`)},
		"fields nobody knows":                  {hurt: inReplies("/qos", `"date_time"`, `"cpu_pressure_level":{"system_max":["normal",{"a":null}]},"date_time"`)},
		"participants who have not left":       {hurt: inReplies("/participants", `"leave_time":"[^"]*",?`, ``)},
		"numbers without a space":              {hurt: inReplies("/qos", `(\d) (ms|kbps|fps)"`, `$1$2"`)},
		"no Wi-Fi and no processor":            {hurt: inReplies("/qos", `"(wifi_rssi|cpu_usage)":\{[^}]*\}`, `"$1":null`)},
		"a meeting that ends before it starts": {hurt: inReplies("/metrics/meetings", `"end_time":"[^"]*"`, `"end_time":"2020-01-01T00:00:00Z"`), check: nothing},

		// One poison item; the rest goes on.
		"a proxy's page for one meeting":  {hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML, Count: -1}), during: "quarantined malformed: 1"},
		"a listed meeting is not found":   {hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Count: -1}), during: "quarantined not_found: 1"},
		"a listed meeting is gone":        {hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Count: -1}), during: "quarantined not_found: 1", mend: untilGone, after: "gone not_found: 1"},
		"a reply that is no JSON":         {hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultMalformedJSON, Count: -1}), during: "quarantined malformed: 1"},
		"a unit nobody knows":             {hurt: poison(` ms"`, ` parsecs"`), during: "quarantined malformed: *"},
		"a number beyond all bounds":      {hurt: poison(`"latency":"\d+ ?ms"`, `"latency":"1e300 ms"`), during: "quarantined malformed: *"},
		"a share of more than everything": {hurt: poison(`"avg_loss":"[\d.]+ ?%"`, `"avg_loss":"250%"`), during: "quarantined malformed: *"},
		"a reply that is cut off":         {hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultTruncated, Path: "/qos$"})},
		"a page of the list is a proxy's": {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultForbiddenHTML, Path: "/metrics/meetings$", Count: -1}), during: "window failed malformed: *", said: "failed: " + textMalformed},

		// Pages and tokens.
		"page tokens die within a meeting":  {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultDropPageTokens, Path: "/qos$", Skip: 1})},
		"page tokens die within the list":   {hurt: smallPages, check: struck},
		"a token refused though it is good": {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultUnauthorized, Skip: 5})},

		// Limits.
		"too many a second, below the nominal rate": {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Limit: "qps", Skip: 3})},
		"the day's limit, without a header":         {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Limit: "daily", HeaderLess: true, Skip: 20, Count: -1}), during: "due: *", said: "failed: " + textDailyLimit},
		"the day's limit, with a timestamp": {
			hurt:   fault(zoomwindow.Fault{Kind: zoomwindow.FaultRateLimit, Limit: "daily", RetryAfter: zoomwindow.RetryAfterISO, Skip: 20, Count: -1}),
			during: "due: *", said: "failed: " + textDailyLimit,
		},
		"another app eats the quota": {
			setup: harvestSetup{window: func(c *zoomwindow.Config) { c.Limits = &zoomwindow.Limits{DailyHeavy: 60_000} }},
			hurt:  func(_ *testing.T, b *harvestBundle) { b.window.ConsumeQuota(b.account, 60_000-20) }, during: "due: *", said: "failed: " + textDailyLimit,
		},
		"our own budget is spent": {hurt: budget(20), during: "due: *", said: "failed: " + textDailyLimit, mend: budgetOf(nil)},

		// The account and the provider.
		"the plan is downgraded": {hurt: account(zoomwindow.AccountOptions{DashboardOff: true}), mend: account(zoomwindow.AccountOptions{}), during: "window failed refused: *", said: "failed: " + textRefused},
		"a permission is taken away": {
			hurt: lacksPermission, during: "window failed missing_scopes: *", said: "failed: " + textScopes,
		},
		"Zoom is down for a day":         {hurt: downForADay, during: "window failed transient: *", said: "failed: " + textUnreachable},
		"Zoom is down for meetings only": {hurt: fault(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Path: "/participants", Status: 502, Format: "html", Count: -1}), during: "due: *", said: "failed: " + textUnreachable},
		"data that comes late":           {setup: harvestSetup{window: func(c *zoomwindow.Config) { c.Lags.Settle, c.Lags.Unsettled = 25*time.Minute, 10*time.Minute }}},
		"a meeting without quality": {
			hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultEmptyQoS, Count: -1}), during: "quarantined no_samples: 1",
		},
		"a meeting without quality for good": {
			hurt: ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultEmptyQoS, Count: -1}), during: "quarantined no_samples: 1",
			mend: withoutQuality, after: "quarantined no_samples: 1",
		},
		"samples that come after the first read": {hurt: lateSamples},
	} {
		t.Run(name, test.run)
	}
}

// accountOf is the id of the account of a demo world.
func accountOf(seed uint64) string {
	w, err := world.New(world.DemoConfig(seed))
	if err != nil {
		panic(err)
	}
	return w.Accounts[0].ID
}

func (b *harvestBundle) meetings() []*world.Meeting {
	return b.world.MeetingsStarting(b.account, b.clock().Add(-b.harvest.config.Lookback), b.clock())
}

// oneOf is a settled meeting with the most joins.
func oneOf(b *harvestBundle) *world.Meeting {
	var most *world.Meeting
	for _, m := range b.meetings() {
		if m.EndAt.Before(b.clock().Add(-2*time.Hour)) && (most == nil || len(m.Legs) > len(most.Legs)) {
			most = m
		}
	}
	return most
}

func fault(f zoomwindow.Fault) func(*testing.T, *harvestBundle) {
	return func(t *testing.T, b *harvestBundle) {
		t.Helper()
		if _, err := b.window.Faults.Add(f); err != nil {
			t.Fatal(err)
		}
	}
}

// ofOne is a fault of one meeting.
func ofOne(f zoomwindow.Fault) func(*testing.T, *harvestBundle) {
	return func(t *testing.T, b *harvestBundle) {
		t.Helper()
		f.Meeting = zoomwindow.MeetingID(oneOf(b))
		fault(f)(t, b)
	}
}

func account(options zoomwindow.AccountOptions) func(*testing.T, *harvestBundle) {
	return func(_ *testing.T, b *harvestBundle) { b.window.SetAccount(b.account.ID, options) }
}

// inReplies rewrites every reply below a path's end.
func inReplies(suffix, pattern, with string) func(*testing.T, *harvestBundle) {
	return func(t *testing.T, b *harvestBundle) {
		t.Helper()
		find := regexp.MustCompile(pattern)
		var hits atomic.Bool
		t.Cleanup(func() {
			if !hits.Load() {
				t.Errorf("no reply of …%s has %s", suffix, pattern)
			}
		})
		b.stand(rewriting(suffix, func(body string) string {
			changed := find.ReplaceAllString(body, with)
			if changed != body {
				hits.Store(true)
			}
			return changed
		}))
	}
}

// poison rewrites the replies about one meeting's quality.
func poison(pattern, with string) func(*testing.T, *harvestBundle) {
	return func(t *testing.T, b *harvestBundle) {
		t.Helper()
		inReplies("/qos", pattern, with)(t, b)
		rewrite := b.between
		one := zoomwindow.MeetingID(oneOf(b))
		b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
			if path, err := url.PathUnescape(r.URL.Path); err == nil && strings.Contains(path, one) {
				rewrite(rw, r, window)
				return
			}
			window.ServeHTTP(rw, r)
		})
	}
}

// asksForThePast looks at every request: without a type the dashboard answers for meetings
// that are live, by a number it answers for the latest of a series, and a page has one
// participant where no size is given.
func asksForThePast() survives {
	var (
		mu    sync.Mutex
		wrong []string
	)
	note := func(r *http.Request) {
		query, path := r.URL.Query(), strings.Split(r.URL.EscapedPath(), "/")
		size, _ := strconv.Atoi(query.Get("page_size"))
		_, notANumber := strconv.Atoi(path[min(4, len(path)-1)]) // of /v2/metrics/meetings/{id}
		kind := query.Get("type")
		isQoS := path[len(path)-1] == "qos"
		if (kind != "past" && kind != "pastOne") || (isQoS && size != 10) || (!isQoS && size != 300) || notANumber == nil {
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, r.URL.EscapedPath()+"?"+query.Encode())
		}
	}
	return survives{
		hurt: func(_ *testing.T, b *harvestBundle) {
			b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
				if strings.Contains(r.URL.Path, "/metrics/") {
					note(r)
				}
				window.ServeHTTP(rw, r)
			})
		},
		check: func(t *testing.T, _ *harvestBundle) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if len(wrong) > 0 {
				t.Errorf("%d requests as %s", len(wrong), wrong[0])
			}
		},
	}
}

func needsEscaping(t *testing.T, b *harvestBundle) {
	t.Helper()
	has := map[string]bool{}
	for _, m := range b.meetings() {
		id := zoomwindow.MeetingID(m)
		has["double"] = has["double"] || strings.HasPrefix(id, "/") || strings.Contains(id, "//")
		has["slash"] = has["slash"] || strings.Contains(id, "/")
		has["plus"] = has["plus"] || strings.Contains(id, "+")
	}
	if len(has) != 3 || !has["double"] || !has["slash"] || !has["plus"] {
		t.Errorf("ids of the day have %v: choose another day", has)
	}
}

func needsRejoins(t *testing.T, b *harvestBundle) {
	t.Helper()
	sameID, again := false, false
	for _, m := range b.meetings() {
		attendees, ids := map[string]bool{}, map[string]bool{}
		for _, leg := range m.Legs {
			sameID, again = sameID || ids[leg.UserID], again || attendees[leg.Attendee()]
			attendees[leg.Attendee()], ids[leg.UserID] = true, true
		}
	}
	if !sameID || !again {
		t.Error("nobody joins again: choose another day")
	}
}

func countsEveryJoinOnce(t *testing.T, b *harvestBundle) {
	t.Helper()
	want := 0
	for _, m := range b.world.MeetingsStarting(b.account, harvestDay, harvestDay.AddDate(0, 0, 1)) {
		want += len(m.Legs)
	}
	if got := b.number("select count(*) from legs join meetings using (provider, account_id, meeting_id) where start_at >= $1 and start_at < $2",
		harvestDay, harvestDay.AddDate(0, 0, 1)); got != want {
		t.Errorf("%d legs, want %d", got, want)
	}
}

func needsMidnight(t *testing.T, b *harvestBundle) {
	t.Helper()
	midnight := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, m := range b.meetings() {
		if m.StartAt.Before(midnight) && m.EndAt.After(midnight) {
			return
		}
	}
	t.Error("no meeting goes across the month's end: choose another seed")
}

func nothing(*testing.T, *harvestBundle) {}

// untilGone lets the trouble last for every try, and a little longer.
func untilGone(t *testing.T, b *harvestBundle) {
	t.Helper()
	ofOneMeeting := b.number("select count(*) from meetings where state = 'quarantined'")
	for range len(quarantineDelays()) + 1 {
		fault(zoomwindow.Fault{Kind: zoomwindow.FaultNotFound, Path: "/participants", Count: ofOneMeeting})(t, b)
		b.exec("update meetings set due_at = $1 where state = 'quarantined'", b.clock())
		b.run(workflows.HarvestInput{})
		b.window.Faults.Clear()
	}
}

// smallPages has the list come in pages of five, and its page tokens die once.
func smallPages(t *testing.T, b *harvestBundle) {
	t.Helper()
	b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/metrics/meetings") {
			query := r.URL.Query()
			query.Set("page_size", "5")
			r.URL.RawQuery = query.Encode()
		}
		window.ServeHTTP(rw, r)
	})
	fault(zoomwindow.Fault{Kind: zoomwindow.FaultDropPageTokens, Path: "/metrics/meetings$", Skip: 2})(t, b)
}

func struck(t *testing.T, b *harvestBundle) {
	t.Helper()
	if got, want := b.number("select count(*) from meetings"), b.number("select count(distinct meeting_id) from meetings"); got != want {
		t.Errorf("%d rows of %d meetings", got, want)
	}
}

func budget(n int) func(*testing.T, *harvestBundle) { return budgetOf(&n) }

func budgetOf(n *int) func(*testing.T, *harvestBundle) {
	return func(_ *testing.T, b *harvestBundle) { b.exec("update links set max_daily_api_requests = $1", n) }
}

// downForADay lets every pass of a day fail, and looks whether somebody is told.
func downForADay(t *testing.T, b *harvestBundle) {
	t.Helper()
	b.run(workflows.HarvestInput{})
	before := b.number("select extract(epoch from last_sync_at)::int from links")
	fault(zoomwindow.Fault{Kind: zoomwindow.FaultStatus, Status: 503, Format: "html", Path: "^/v2", Count: -1})(t, b)
	b.advance(24 * time.Hour)
	b.run(workflows.HarvestInput{})
	if got := b.number("select extract(epoch from last_sync_at)::int from links"); got != before {
		t.Error("the link says that it was synchronized while nothing came")
	}
}

// withoutQuality lets nobody ever hear of a meeting's quality: it is asked for once more,
// and not for ever.
func withoutQuality(t *testing.T, b *harvestBundle) {
	t.Helper()
	ofOne(zoomwindow.Fault{Kind: zoomwindow.FaultEmptyQoS, Count: -1})(t, b)
	for range 3 {
		b.advance(2 * time.Hour)
		b.run(workflows.HarvestInput{})
	}
	if got := b.number("select revision from meetings where cause = 'no_samples'"); got != 2 {
		t.Errorf("the meeting was read %d times, want 2", got)
	}
}

// lacksPermission answers as Zoom does where a token lacks a scope.
func lacksPermission(_ *testing.T, b *harvestBundle) {
	b.stand(func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if !strings.Contains(r.URL.Path, "/metrics/") {
			window.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, `{"code":4711,"message":"Invalid access token, does not contain scopes:[dashboard_meetings:read:admin]."}`)
	})
}

// lateSamples leaves one meeting's samples out of the first read.
func lateSamples(t *testing.T, b *harvestBundle) {
	t.Helper()
	b.advance(10 * time.Minute)
	fault(zoomwindow.Fault{Kind: zoomwindow.FaultEmptyQoS, Count: 3})(t, b)
}
