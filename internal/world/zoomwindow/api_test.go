package zoomwindow

import (
	"net/http"
	"net/url"
	"slices"
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
		req := b.request(http.MethodGet, "/v2/users/me"+tt.query, "")
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
			t.Parallel()
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
}

func TestAccountOptions(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
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
		return slices.Contains(uuids(b.get(access, "/metrics/meetings?type="+kind+span)), running)
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
			t.Parallel()
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
}

func TestOldAndRunningMeetings(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	if got := b.get(access, "/metrics/meetings/93201235621?type=past"); got.status != 404 {
		t.Errorf("a number means the latest instance, which is running: got %d", got.status)
	}
	b.clock.Advance(366 * 24 * time.Hour)
	fresh, _ := b.pair(b.owner)
	if got := b.get(fresh, "/metrics/meetings/AAAAAAAAAAAAAAAAAAAAAg==?type=past"); got.status != 400 || got.code() != 12702 {
		t.Errorf("a year ago: got %d %s", got.status, got.raw)
	}
}
