package zoomwindow

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// span is a query for the meetings of the test's day.
const span = "&from=2026-11-10&to=2026-11-10"

func rows(a answer, name string) []map[string]any {
	list, _ := a.body[name].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, row := range list {
		out = append(out, row.(map[string]any))
	}
	return out
}

func uuids(a answer) []string {
	var out []string
	for _, m := range rows(a, "meetings") {
		out = append(out, m["uuid"].(string))
	}
	return out
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	for name, tt := range map[string]struct{ header, query, message string }{
		"no header":  {"", "", "Invalid access token."},
		"basic":      {"Basic " + access, "", "Invalid access token."},
		"unknown":    {"Bearer x" + access, "", "Invalid access token."},
		"also query": {"Bearer " + access, "?access_token=" + access, "Invalid access token, this access token is not supported as query parameter string."},
	} {
		req, _ := http.NewRequest(http.MethodGet, b.server.URL+"/v2/users/me"+tt.query, nil)
		if tt.header != "" {
			req.Header.Set("Authorization", tt.header)
		}
		if got := b.do(req); got.status != 401 || got.code() != 124 || got.text("message") != tt.message {
			t.Errorf("%s: got %d %s", name, got.status, got.raw)
		}
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	paths := []string{
		"/users/me", "/users/olive@quillmere.example", "/metrics/meetings?type=past" + span,
		"/metrics/meetings/93201235622?type=past", "/metrics/meetings/93201235622/participants?type=past",
		"/metrics/meetings/93201235622/participants/qos?type=past", "/metrics/meetings/93201235622/participants/16778200/qos?type=past",
	}
	tests := map[string]struct {
		scopes []string
		want   []int // by path
	}{
		"classic":     {[]string{"dashboard_meetings:read:admin", "user:read:admin"}, []int{200, 200, 200, 200, 200, 200, 200}},
		"older":       {[]string{"dashboard:read:admin", "user_info:read"}, []int{200, 400, 200, 400, 400, 400, 400}},
		"granular":    {[]string{"dashboard:read:list_meetings:admin", "dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants_qos:admin", "user:read:user:admin"}, []int{200, 200, 200, 400, 200, 200, 400}},
		"nothing fit": {[]string{"meeting:read:admin"}, []int{400, 400, 400, 400, 400, 400, 400}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *Config) { c.Clients[0].Scopes = tt.scopes })
			access, _ := b.pair(b.owner)
			for i, path := range paths {
				got := b.get(access, path)
				if got.status != tt.want[i] {
					t.Errorf("%s: got %d %s, want %d", path, got.status, got.raw, tt.want[i])
				}
				if tt.want[i] == 400 && got.code() != 4711 {
					t.Errorf("%s: got code %v, want 4711", path, got.code())
				}
			}
		})
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.deputy)
	for path, want := range map[string]string{
		"/users/me": b.deputy.Email, "/users/" + b.owner.ZoomUserID: b.owner.Email, "/users/mem%40quillmere.example": "mem@quillmere.example",
	} {
		if got := b.get(access, path); got.text("email") != want || got.text("account_id") != b.account.ID || got.body["account_number"] != 10009239.0 {
			t.Errorf("%s: got %d %s", path, got.status, got.raw)
		}
	}
	b.RemoveUser(b.owner.ZoomUserID)
	for _, id := range []string{"nobody", b.owner.ZoomUserID} {
		if got := b.get(access, "/users/"+id); got.status != 404 || got.code() != 1001 {
			t.Errorf("%s: got %d %s", id, got.status, got.raw)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	const ended, alone, running = "gm8s9L+PTEC+FG3sFbd1Cw==", "AAAAAAAAAAAAAAAAAAAAAQ==", "AAAAAAAAAAAAAAAAAAAAAg=="
	const inner, doubled, slashed = "pfVh/QWoSQmUs6ZOwFD4kw==", "pfVh//WoSQmUs6ZOwFD4kw==", "/pfVhQWoSQmUs6ZOwFD4kw=="
	tests := map[string]struct {
		query string
		want  []string // UUIDs, in order
		code  float64  // of the error, instead
	}{
		"past":                    {query: "type=past" + span, want: []string{inner, doubled, slashed, ended}},
		"pastOne":                 {query: "type=pastOne" + span, want: []string{alone}},
		"live":                    {query: "type=live" + span, want: []string{running}},
		"type defaults to live":   {query: "x=1" + span, want: []string{running}},
		"times, both inclusive":   {query: "type=past&from=2026-11-10+05:00:00&to=2026-11-10+07:00:00", want: []string{inner, doubled, slashed}},
		"by end":                  {query: "type=past&query_date_type=end_time&from=2026-11-10+08:00:00&to=2026-11-10+11:00:00", want: []string{slashed, ended}},
		"pastOne is never by end": {query: "type=pastOne&query_date_type=end_time&from=2026-11-10+10:00:00&to=2026-11-10+11:00:00", want: nil},
		"nothing":                 {query: "type=past&from=2026-11-01&to=2026-11-02", want: nil},
		"unknown type":            {query: "type=Past" + span, code: 300},
		"no from":                 {query: "type=past&to=2026-11-10", code: 300},
		"no to":                   {query: "type=past&from=2026-11-10", code: 300},
		"RFC 3339":                {query: "type=past&from=2026-11-10T00:00:00Z&to=2026-11-10T10:00:00Z", code: 300},
		"backwards":               {query: "type=past&from=2026-11-10&to=2026-11-09", code: 300},
		"one month":               {query: "type=past&from=2026-10-10&to=2026-11-10", want: []string{inner, doubled, slashed, ended}},
		"more than one month":     {query: "type=past&from=2026-10-09&to=2026-11-10", code: 300},
		"six months":              {query: "type=past&from=2026-05-10&to=2026-05-11", want: nil},
		"more than six months":    {query: "type=past&from=2026-05-09&to=2026-05-11", code: 300},
		"page size 300":           {query: "type=past&page_size=300" + span, want: []string{inner, doubled, slashed, ended}},
		"page size 301":           {query: "type=past&page_size=301" + span, code: 300},
		"page size 0":             {query: "type=past&page_size=0" + span, code: 300},
		"page size ten":           {query: "type=past&page_size=ten" + span, code: 300},
		"unknown date type":       {query: "type=past&query_date_type=ended" + span, code: 300},
	}
	b := setup(t, func(c *Config) { c.Limits = &Limits{} })
	access, _ := b.pair(b.owner)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := b.get(access, "/metrics/meetings?"+tt.query)
			if tt.code != 0 {
				if got.status != 400 || got.code() != tt.code {
					t.Errorf("got %d %s, want code %v", got.status, got.raw, tt.code)
				}
				return
			}
			if diff := cmp.Diff(tt.want, uuids(got)); got.status != 200 || diff != "" {
				t.Errorf("got %d, meetings (-want +got):\n%s", got.status, diff)
			}
		})
	}
	b.SetAccount(b.account.ID, AccountOptions{RefuseEndTime: true})
	if got := b.get(access, "/metrics/meetings?type=past&query_date_type=end_time"+span); got.status != 400 || got.code() != 12700 {
		t.Errorf("end_time refused: got %d %s", got.status, got.raw)
	}
	for name, options := range map[string]AccountOptions{"off": {DashboardOff: true}, "pro": {Plan: PlanPro}} {
		b.SetAccount(b.account.ID, options)
		if got := b.get(access, "/metrics/meetings?type=past"+span); got.status != 400 || got.code() != 200 {
			t.Errorf("dashboard %s: got %d %s", name, got.status, got.raw)
		}
	}
}

func TestListIsLate(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	b.clock.Advance(30 * time.Minute) // the running meeting ends now
	const running = "AAAAAAAAAAAAAAAAAAAAAg=="
	listed := func(kind string) bool {
		for _, uuid := range uuids(b.get(access, "/metrics/meetings?type="+kind+span)) {
			if uuid == running {
				return true
			}
		}
		return false
	}
	if listed("live") || listed("past") {
		t.Error("listed at its very end")
	}
	if got := b.get(access, "/metrics/meetings/"+running+"/participants?type=past"); got.status != 404 || got.code() != 3001 {
		t.Errorf("participants: got %d %s", got.status, got.raw)
	}
	b.clock.Advance(time.Minute)
	if listed("live") || !listed("past") {
		t.Error("not listed as past a minute after")
	}
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Limits = &Limits{} })
	access, _ := b.pair(b.owner)
	path := "/metrics/meetings?type=past&page_size=3" + span
	first := b.get(access, path)
	token := first.text("next_page_token")
	if len(uuids(first)) != 3 || token == "" || first.body["total_records"] != 4.0 || first.body["page_count"] != 2.0 {
		t.Fatalf("first page: got %s", first.raw)
	}
	next := path + "&next_page_token=" + url.QueryEscape(token)
	for range 2 { // a lost page may be asked for again
		if second := b.get(access, next); len(uuids(second)) != 1 || second.text("next_page_token") != "" {
			t.Errorf("second page: got %s", second.raw)
		}
	}
	dead := func(name, path string) {
		t.Helper()
		if got := b.get(access, path); got.status != 400 || got.code() != 300 || got.text("message") != "The next page token is invalid or expired." {
			t.Errorf("%s: got %d %s", name, got.status, got.raw)
		}
	}
	dead("made up", path+"&next_page_token=IAfJX3jsOLW7w3dokmFl84zOa0MAVGyMEB2")
	dead("of another range", "/metrics/meetings?type=past&page_size=3&from=2026-11-09&to=2026-11-10&next_page_token="+url.QueryEscape(token))
	dead("of another endpoint", "/metrics/meetings/93201235623/participants?type=past&next_page_token="+url.QueryEscape(token))
	b.clock.Advance(15 * time.Minute)
	if got := b.get(access, next); got.status != 200 {
		t.Errorf("at 15 minutes: got %d", got.status)
	}
	b.clock.Advance(time.Second)
	dead("expired", next)
	token = b.get(access, path).text("next_page_token")
	b.ExpirePageTokens()
	dead("dropped", path+"&next_page_token="+url.QueryEscape(token))
}

// Which encodings of a UUID reach the meeting, and what Zoom says of the others.
func TestMeetingInPath(t *testing.T) {
	t.Parallel()
	once, twice := url.PathEscape, func(s string) string { return url.PathEscape(url.PathEscape(s)) }
	raw := func(s string) string { return s }
	tests := map[string]struct {
		id      string
		encode  func(string) string
		status  int
		message string
	}{
		"plain raw":              {"AAAAAAAAAAAAAAAAAAAAAg==", raw, 200, ""},
		"plus once":              {"gm8s9L+PTEC+FG3sFbd1Cw==", once, 404, "Meeting ID is invalid or not end."}, // type is live here
		"plain once":             {"AAAAAAAAAAAAAAAAAAAAAg==", once, 200, ""},
		"plain twice":            {"AAAAAAAAAAAAAAAAAAAAAg==", twice, 200, ""},
		"number, latest is live": {"93201235621", raw, 200, ""},
		"unknown number":         {"99999999999", raw, 404, "Meeting does not exist: 99999999999."},
		"not base64":             {"nonsense", raw, 404, "Meeting does not exist: nonsense."},
		"inner slash once":       {"pfVh/QWoSQmUs6ZOwFD4kw==", once, 404, "Meeting ID is invalid or not end."},
		"inner slash raw":        {"pfVh/QWoSQmUs6ZOwFD4kw==", raw, 404, "This API endpoint is not recognized."},
		"leading slash once":     {"/pfVhQWoSQmUs6ZOwFD4kw==", once, 404, "Meeting does not exist: pfVhQWoSQmUs6ZOwFD4kw==."},
		"leading slash raw":      {"/pfVhQWoSQmUs6ZOwFD4kw==", raw, 404, "Meeting does not exist: pfVhQWoSQmUs6ZOwFD4kw==."},
		"leading slash twice":    {"/pfVhQWoSQmUs6ZOwFD4kw==", twice, 404, "Meeting ID is invalid or not end."},
		"double slash once":      {"pfVh//WoSQmUs6ZOwFD4kw==", once, 404, "Meeting does not exist: pfVh/WoSQmUs6ZOwFD4kw==."},
		"double slash twice":     {"pfVh//WoSQmUs6ZOwFD4kw==", twice, 404, "Meeting ID is invalid or not end."},
	}
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := "/metrics/meetings/" + tt.encode(tt.id)
			if got := b.get(access, path+"?type=live"); got.status != tt.status || got.text("message") != tt.message {
				t.Errorf("live: got %d %s, want %d %q", got.status, got.raw, tt.status, tt.message)
			}
			// What the path lost stays lost; what it kept is found in the past.
			if tt.message == "Meeting ID is invalid or not end." {
				if got := b.get(access, path+"?type=past"); got.status != 200 || got.text("uuid") != tt.id {
					t.Errorf("past: got %d %s", got.status, got.raw)
				}
			}
		})
	}
	if got := b.get(access, "/metrics/meetings/93201235621?type=past"); got.status != 404 {
		t.Errorf("a number means the latest instance, which is running: got %d", got.status)
	}
	b.clock.Advance(366 * 24 * time.Hour)
	fresh, _ := b.pair(b.owner)
	if got := b.get(fresh, "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAg==?type=past"); got.status != 400 || got.code() != 12702 {
		t.Errorf("a year ago: got %d %s", got.status, got.raw)
	}
}

func TestParticipants(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	meeting := "/metrics/meetings/" + url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==")
	if got := b.get(access, meeting+"/participants"); got.status != 404 || got.code() != 3001 {
		t.Errorf("type defaults to live: got %d %s", got.status, got.raw)
	}
	got := b.get(access, meeting+"/participants?type=past&page_size=300")
	people := rows(got, "participants")
	if len(people) != 12 || got.text("next_page_token") != "" {
		t.Fatalf("got %d rows, want one for each of 12 joins", len(people))
	}
	host, guest := people[0], people[2]
	for field, want := range map[string]any{
		"id": b.owner.ZoomUserID, "participant_user_id": b.owner.ZoomUserID, "email": b.owner.Email, "role": "host",
		"user_name": "Olive Ownerby", "join_time": "2026-11-10T10:00:00Z", "leave_time": "2026-11-10T11:00:00Z",
		"ip_address": "198.18.0.2", "leave_reason": "Host ended the meeting.",
	} {
		if host[field] != want {
			t.Errorf("host %s: got %v, want %v", field, host[field], want)
		}
	}
	for _, field := range []string{"id", "participant_user_id", "email", "mac_addr", "domain", "harddisk_id", "camera", "microphone", "speaker"} {
		if value, there := guest[field]; !there || value != "" {
			t.Errorf("guest %s: got %v, want it blank", field, value)
		}
	}
	if guest["user_name"] != "Gust Gastson" {
		t.Errorf("guest: got %v", guest["user_name"])
	}

	b.SetAccount(b.account.ID, AccountOptions{BlankPersonal: true})
	row := rows(b.get(access, meeting+"/participants?type=past"), "participants")[0]
	if _, there := row["internal_ip_addresses"]; there || row["user_name"] != "" || row["ip_address"] != "" || row["location"] != "" || row["email"] != "" {
		t.Errorf("without a HIPAA agreement: got %v", row)
	}
}

func TestPastOne(t *testing.T) {
	t.Parallel()
	const alone = "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAQ=="
	tests := []struct {
		path     string
		separate bool
		want     int
	}{
		{alone + "/participants?type=past", false, 200},
		{alone + "/participants?type=past", true, 404},
		{alone + "/participants?type=pastOne", true, 200},
		{alone + "/participants/qos?type=past", true, 200},
		{alone + "/participants/qos?type=pastOne", true, 400},
		{"/metrics/meetings/93201235625?type=pastOne", false, 404},
	}
	for _, tt := range tests {
		b := setup(t, func(c *Config) { c.Replies.SeparatePastOne = tt.separate })
		access, _ := b.pair(b.owner)
		if got := b.get(access, tt.path); got.status != tt.want {
			t.Errorf("%s, separate %v: got %d %s, want %d", tt.path, tt.separate, got.status, got.raw, tt.want)
		}
	}
}

func TestQoSPages(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	path := "/metrics/meetings/" + url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==") + "/participants/qos?type=past"
	if got := b.get(access, path+"&page_size=11"); got.status != 400 || got.code() != 300 {
		t.Errorf("page size 11: got %d %s", got.status, got.raw)
	}
	if got := b.get(access, path); len(rows(got, "participants")) != 1 {
		t.Errorf("page size defaults to 1: got %d rows", len(rows(got, "participants")))
	}
	first := b.get(access, path+"&page_size=10")
	second := b.get(access, path+"&page_size=10&next_page_token="+url.QueryEscape(first.text("next_page_token")))
	if a, z := len(rows(first, "participants")), len(rows(second, "participants")); a != 10 || z != 2 || second.text("next_page_token") != "" {
		t.Errorf("got pages of %d and %d", a, z)
	}
	rejoined := rows(second, "participants")[1]["user_id"].(string)
	one := b.get(access, "/metrics/meetings/"+url.PathEscape("gm8s9L+PTEC+FG3sFbd1Cw==")+"/participants/"+rejoined+"/qos?type=past")
	if one.text("participant_uuid") != rows(second, "participants")[1]["participant_uuid"] || len(rows(one, "user_qos")) != 60 {
		t.Errorf("one participant: got %d %s", one.status, one.text("participant_uuid"))
	}
	if got := b.get(access, "/metrics/meetings/93201235623/participants/1/qos?type=past"); got.status != 404 || got.code() != 3001 {
		t.Errorf("unknown participant: got %d %s", got.status, got.raw)
	}
}

// The tail of a meeting comes late.
func TestQoSSettles(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	samples := func(kind string) int {
		t.Helper()
		got := b.get(access, "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAg==/participants/qos?type="+kind)
		if got.status != 200 {
			t.Fatalf("%s: got %d %s", kind, got.status, got.raw)
		}
		return len(rows(answer{body: rows(got, "participants")[0]}, "user_qos"))
	}
	if got := samples("live"); got != 27 {
		t.Errorf("half an hour in: got %d samples, want all but the last 3 minutes", got)
	}
	b.clock.Advance(31 * time.Minute)
	if got := samples("past"); got != 57 {
		t.Errorf("just ended: got %d samples", got)
	}
	b.clock.Advance(14 * time.Minute)
	if got := samples("past"); got != 60 {
		t.Errorf("settled: got %d samples", got)
	}
}

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
				if got := b.get(access, tt.path); got.status != 200 || got.header.Get("X-RateLimit-Category") != tt.category || got.header.Get("X-RateLimit-Limit") != "" {
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
				if got.status != 429 || got.text("message") != dailyText || got.header.Get("X-RateLimit-Type") != tt.kind || got.header.Get("Retry-After") != tt.retryAfter {
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
