package zoom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
)

const participantsPage = `{"page_count":1,"page_size":300,"total_records":3,"participants":[
 {"id":"u1","user_id":"167","user_name":"Ann","email":"ann@example.test","mac_addr":"f85e-a012-92d8","ip_address":"203.0.113.9","internal_ip_addresses":["10.0.0.7","fe80::1%en0","bogus"],
  "pc_name":"LT-1","join_time":"2026-11-10T10:15:14Z","leave_time":"2026-11-10T10:17:35Z","network_type":"Wifi","role":"host","new_field":{"deep":[1,{"a":2}]}},
 {"id":"","user_id":168,"user_name":"Guest","mac_addr":"","internal_ip_addresses":null,"join_time":"2026-11-10T10:16:00Z","leave_time":""},
 {"id":"","user_id":"169","join_time":"2026-11-10T10:16:30Z","status":"in_waiting_room"}
],"next_page_token":""}`

const qosPage = `{"next_page_token":"","participants":[
 {"user_id":"167","join_time":"2026-11-10T10:15:14Z","user_qos":[
  {"date_time":"2026-11-10T10:16:20Z","audio_input":{"bitrate":"27.15 kbps","latency":"126 ms","jitter":"0ms","avg_loss":"0.03%","max_loss":"0.4%"},
   "video_output":{"latency":"","resolution":"","frame_rate":"-"},"cpu_usage":{"zoom_avg_cpu_usage":"5%"},"wifi_rssi":{"max_rssi":-75,"avg_rssi":-69,"min_rssi":-35,"rssi_unit":"dBm"},
   "cpu_pressure_level":{"system_max":"normal"}},
  {"date_time":"2026-11-10T10:15:00Z","audio_input":null,"audio_device_from_rwg":{"latency":"80 ms","bitrate":30},"as_device_to_crc":{"latency":"90 ms","resolution":"1920*1040"}}]},
 {"user_id":"168","join_time":"2026-11-10T10:16:00Z","user_qos":[]},
 {"user_id":"170","user_name":"Late","join_time":"2026-11-10T10:17:00Z","user_qos":[{"date_time":"2026-11-10T10:17:00Z","audio_output":{"latency":"5 ms"}}]}
]}`

// pagesOf answers participants and quality of service with fixed bodies.
func pagesOf(participants, quality string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := participants
		if strings.HasSuffix(r.URL.Path, "/qos") {
			body = quality
		}
		reply(200, body)(w, r)
	}
}

func TestReadMeetingJoinsBothLists(t *testing.T) {
	t.Parallel()
	c := client(t, pagesOf(participantsPage, qosPage))
	legs, err := c.ReadMeeting(context.Background(), provider.Caller{}, "abc==")
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time {
		parsed, err := time.Parse(time.RFC3339, "2026-11-10T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	mac, _ := macaddr.Parse("f85ea01292d8")
	want := []provider.Leg{
		{
			MeetingID: "abc==", ParticipantID: "167", JoinAt: at("10:15:14"), LeaveAt: at("10:17:35"),
			Person: provider.Person{UserID: "u1", Name: secret.New("Ann"), Email: secret.New("ann@example.test"), Hostname: secret.New("LT-1")},
			Role:   "host", NetworkType: "Wifi", PublicIP: netip.MustParseAddr("203.0.113.9"), MAC: mac,
			PrivateIPs: []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fe80::1")},
			Samples: []provider.MediaSample{
				{
					StartAt: at("10:15:00"), EndAt: at("10:16:00"), Granularity: provider.PerMinute,
					AudioIn:   provider.Stream{LatencyMS: measure.Of(80), BitrateBPS: measure.Of(30000)},
					ScreenOut: provider.Stream{LatencyMS: measure.Of(90), WidthPx: measure.Of(1920), HeightPx: measure.Of(1040)},
				},
				{
					StartAt: at("10:16:00"), EndAt: at("10:17:00"), Granularity: provider.PerMinute,
					AudioIn: provider.Stream{
						LatencyMS: measure.Of(126), JitterMS: measure.Of(0), LossAvgRatio: measure.Of(0.0003), LossMaxRatio: measure.Of(0.004), BitrateBPS: measure.Of(27150),
					},
					ClientCPUAvgPercent: measure.Of(5),
					WiFiRSSIAvgDBm:      measure.Of(-69), WiFiRSSIMinDBm: measure.Of(-75), WiFiRSSIMaxDBm: measure.Of(-35),
				},
			},
		},
		{MeetingID: "abc==", ParticipantID: "168", JoinAt: at("10:16:00"), Guest: true, Person: provider.Person{Name: secret.New("Guest")}},
		{
			MeetingID: "abc==", ParticipantID: "170", JoinAt: at("10:17:00"), Guest: true, Person: provider.Person{Name: secret.New("Late")},
			Samples: []provider.MediaSample{{
				StartAt: at("10:17:00"), EndAt: at("10:18:00"), Granularity: provider.PerMinute, AudioOut: provider.Stream{LatencyMS: measure.Of(5)},
			}},
		},
	}
	options := []cmp.Option{cmpopts.EquateEmpty(), cmp.AllowUnexported(secret.Text{}, measure.Value{}), cmpopts.EquateComparable(netip.Addr{})}
	if diff := cmp.Diff(want, legs, options...); diff != "" {
		t.Errorf("legs differ (-want +got):\n%s", diff)
	}
}

func TestReadMeetingRefusesWhatIsMalformed(t *testing.T) {
	t.Parallel()
	row := func(minute string) string {
		return `{"participants":[{"user_id":"167","join_time":"2026-11-10T10:15:14Z","user_qos":[` + minute + `]}]}`
	}
	tests := map[string]string{
		"html":            `<html>hello</html>`,
		"empty":           ``,
		"ends early":      `{"participants":[{"user_id":"167"`,
		"not closed":      `{"participants":[]`,
		"no list":         `{"next_page_token":""}`,
		"an error inside": `{"code":300,"message":"secret"}`,
		"other unit":      row(`{"date_time":"2026-11-10T10:16:00Z","audio_input":{"latency":"126 furlongs"}}`),
		"absurd number":   row(`{"date_time":"2026-11-10T10:16:00Z","audio_input":{"avg_loss":"-7%"}}`),
		"absurd time":     row(`{"date_time":"1970-01-01T00:00:00Z","audio_input":{"latency":"1 ms"}}`),
		"a far time":      row(`{"date_time":"2030-11-10T10:16:00Z","audio_input":{"latency":"1 ms"}}`),
		"a far join":      `{"participants":[{"user_id":"168","join_time":"2016-11-10T10:16:00Z","user_qos":[]}]}`,
		"no time":         row(`{"audio_input":{"latency":"1 ms"}}`),
		"another type":    row(`{"date_time":7}`),
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, pagesOf(participantsPage, body)).ReadMeeting(context.Background(), provider.Caller{}, "abc==")
			if failure := asError(t, err); failure.Kind != provider.Malformed {
				t.Errorf("error is %v, want malformed", err)
			}
			if strings.Contains(err.Error(), "furlongs") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hello") {
				t.Errorf("error repeats the reply: %v", err)
			}
		})
	}
}

// An empty list is no complete read: its caller knows whether somebody was there.
func TestReadMeetingTellsThatNobodyIsListed(t *testing.T) {
	t.Parallel()
	_, err := client(t, pagesOf(`{"participants":[]}`, `{"participants":[]}`)).ReadMeeting(context.Background(), provider.Caller{}, "abc==")
	if failure := asError(t, err); failure.Kind != provider.NotFound || !errors.Is(err, provider.ErrNobody) {
		t.Errorf("error is %v, want that nobody is listed", err)
	}
	waiting := `{"participants":[{"user_id":"169","join_time":"2026-11-10T10:16:30Z","status":"in_waiting_room"}]}`
	legs, err := client(t, pagesOf(waiting, `{"participants":[]}`)).ReadMeeting(context.Background(), provider.Caller{}, "abc==")
	if err != nil || len(legs) != 0 {
		t.Errorf("who was never let in: %d legs, %v", len(legs), err)
	}
}

// Postgres stores no NUL and no byte that is not UTF-8 in a text, and participants name
// their own devices.
func TestReadMeetingCleansTexts(t *testing.T) {
	t.Parallel()
	const text = "\"B\\u0000ad\xff \\ud800Ems\""
	page := `{"participants":[{"id":` + text + `,"user_id":` + text + `,"user_name":` + text + `,"email":` + text + `,"role":` + text + `,"device":` + text +
		`,"version":` + text + `,"network_type":` + text + `,"data_center":` + text + `,"location":` + text + `,"pc_name":` + text + `,"audio_quality":` + text +
		`,"video_quality":` + text + `,"screen_share_quality":` + text + `,"join_time":"2026-11-10T10:15:14Z","user_qos":[]}]}`
	legs, err := client(t, pagesOf(page, page)).ReadMeeting(context.Background(), provider.Caller{}, "abc==")
	if err != nil {
		t.Fatal(err)
	}
	const want = "Bad\ufffd \ufffdEms"
	wanted := []provider.Leg{{
		MeetingID: "abc==", ParticipantID: want, JoinAt: time.Date(2026, 11, 10, 10, 15, 14, 0, time.UTC),
		Person: provider.Person{UserID: want, Name: secret.New(want), Email: secret.New(want), Hostname: secret.New(want)},
		Role:   want, Device: want, ClientVersion: want, NetworkType: want, DataCenter: want, Location: want,
		AudioQuality: want, VideoQuality: want, ScreenQuality: want,
	}}
	options := []cmp.Option{cmpopts.EquateEmpty(), cmp.AllowUnexported(secret.Text{}, measure.Value{}), cmpopts.EquateComparable(netip.Addr{})}
	if diff := cmp.Diff(wanted, legs, options...); diff != "" {
		t.Errorf("legs differ (-want +got):\n%s", diff)
	}
}

func TestEscapeMeetingID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"gm8s9L+PTEC/FG3sFbd1Cw==": "gm8s9L%2BPTEC%2FFG3sFbd1Cw%3D%3D",
		"/pfVhQWoSQmUs6ZOwFD4kw==": "%252FpfVhQWoSQmUs6ZOwFD4kw%253D%253D",
		"pfVh//WoSQmUs6ZOwFD4kw==": "pfVh%252F%252FWoSQmUs6ZOwFD4kw%253D%253D",
	} {
		if got := escapeMeetingID(id); got != want {
			t.Errorf("%s is escaped as %s, want %s", id, got, want)
		}
		target, err := client(t, nil).endpoint("/metrics/meetings/"+escapeMeetingID(id)+"/participants", nil)
		if err != nil || !strings.HasSuffix(target.EscapedPath(), "/metrics/meetings/"+want+"/participants") {
			t.Errorf("%s is sent as %s, %v", id, target.EscapedPath(), err)
		}
	}
}

func TestMeetingRows(t *testing.T) {
	t.Parallel()
	var row meetingRow
	decode := func(text string) meetingRow {
		row = readMeetingRow(newReader(strings.NewReader(text)))
		return row
	}
	r := decode(`{"uuid":"a==","id":93201235621,"start_time":"2026-11-10T10:00:00Z","end_time":"2026-11-10T09:00:00Z","duration":"01:02:03","participants":7}`)
	m, ok := r.meeting(provider.ListPast)
	if !ok || m.Number != 93201235621 || m.ParticipantCount != 7 || m.EndAt.Sub(m.StartAt) != time.Hour+2*time.Minute+3*time.Second {
		t.Errorf("meeting is %+v", m)
	}
	r = decode(`{"uuid":"a==","id":"93201235621","start_time":"2026-11-10T10:00:00Z","duration":56}`)
	if m, ok = r.meeting(provider.ListPastOne); !ok || m.EndAt.Sub(m.StartAt) != 56*time.Minute || m.Kind != provider.ListPastOne {
		t.Errorf("meeting is %+v", m)
	}
	r = decode(`{"uuid":"","start_time":"2026-11-10T10:00:00Z"}`)
	if _, ok = r.meeting(provider.ListPast); ok {
		t.Error("a row without id is a meeting")
	}
	r = decode(`{"uuid":"a\u0000==","start_time":"2026-11-10T10:00:00Z"}`)
	if _, ok = r.meeting(provider.ListPast); ok {
		t.Error("a row whose id cannot be stored is a meeting")
	}
	r = decode(`{"uuid":"a==","start_time":"2026-11-10T10:00:00Z","end_time":"2126-11-10T10:00:00Z","duration":56}`)
	if m, ok = r.meeting(provider.ListPast); !ok || m.EndAt.Sub(m.StartAt) != 56*time.Minute {
		t.Errorf("a meeting of a hundred years is %+v", m)
	}
}

func TestListMeetingsGoesOnAfterAnUnusableRow(t *testing.T) {
	t.Parallel()
	c := client(t, reply(200, `{"meetings":[{"uuid":"","start_time":""},{"uuid":"a==","start_time":"2026-11-10T10:00:00Z","end_time":"2026-11-10T11:00:00Z"}]}`))
	var found int
	err := c.ListMeetings(context.Background(), provider.Caller{}, provider.ListPast, provider.Window{From: noon, To: noon.Add(time.Hour)}, func(page []provider.Meeting) error {
		found += len(page)
		return nil
	})
	if failure := asError(t, err); failure.Kind != provider.Malformed || found != 1 {
		t.Errorf("found %d, error %v", found, err)
	}
}

func TestAPIErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status  int
		body    string
		header  []string
		want    provider.Kind
		daily   bool
		wait    time.Duration
		verdict string
	}{
		"token":             {status: 401, body: `{"code":124,"message":"Invalid access token."}`, want: provider.Unauthorized},
		"token, other code": {status: 401, body: `{"code":201,"message":"Access token is expired."}`, want: provider.Unauthorized},
		"token, html":       {status: 401, body: `<html></html>`, want: provider.Unauthorized},
		"scopes":            {status: 400, body: `{"code":4711,"message":"Invalid access token, does not contain scopes:[a, b]."}`, want: provider.MissingScopes, verdict: provider.VerdictScopesChanged},
		"scopes, older":     {status: 400, body: `{"code":104,"message":"Invalid access token, does not contain scopes:[\"a\"]"}`, want: provider.MissingScopes, verdict: provider.VerdictScopesChanged},
		"scopes, 401":       {status: 401, body: `{"code":4700,"message":"Invalid access token, does not contain scopes."}`, want: provider.MissingScopes, verdict: provider.VerdictScopesChanged},
		"plan":              {status: 400, body: `{"code":200,"message":"Only available for paid account and enabled Dashboard feature."}`, want: provider.Refused},
		"validation":        {status: 400, body: `{"code":300,"message":"Validation Failed.","errors":[]}`, want: provider.Malformed},
		"webinar":           {status: 400, body: `{"code":300,"message":"Can not access webinar info, 123."}`, want: provider.NotFound},
		"unknown meeting":   {status: 404, body: `{"code":3001,"message":"Meeting does not exist: x."}`, want: provider.NotFound},
		"too old":           {status: 400, body: `{"code":12702,"message":"Can not access a meeting a year ago."}`, want: provider.NotFound},
		"proxy":             {status: 403, body: `<html>Forbidden</html>`, want: provider.Malformed},
		"redirect":          {status: 302, body: ``, header: []string{"Location", "http://127.0.0.1:1/"}, want: provider.Transient},
		"down":              {status: 502, body: `<html></html>`, want: provider.Transient},
		"daily, text only":  {status: 429, body: `{"code":429,"message":"You have exceeded the daily rate limit (100) ..."}`, want: provider.RateLimited, daily: true, wait: 12 * time.Hour},
		"daily, iso":        {status: 429, body: `{"code":429,"message":"limit"}`, header: []string{"X-RateLimit-Type", "Daily-limit", "Retry-After", "2026-11-20T15:00:00Z"}, want: provider.RateLimited, daily: true, wait: 3 * time.Hour},
		"daily, http date":  {status: 429, body: `{"code":429,"message":"the maximum daily rate limit"}`, header: []string{"Retry-After", "Fri, 20 Nov 2026 14:00:00 GMT"}, want: provider.RateLimited, daily: true, wait: 2 * time.Hour},
		"seconds, long":     {status: 429, body: `{"code":4001,"message":"per-second"}`, header: []string{"Retry-After", "61"}, want: provider.RateLimited, wait: 61 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := &http.Response{StatusCode: test.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body))}
			for i := 0; i+1 < len(test.header); i += 2 {
				response.Header.Set(test.header[i], test.header[i+1])
			}
			got := client(t, nil).classifyAPI("test", response)
			if got.Kind != test.want || got.Daily != test.daily || got.RetryAfter != test.wait || got.Verdict != test.verdict {
				t.Errorf("got %s, daily %t, after %s, verdict %q; want %s, %t, %s, %q", got.Kind, got.Daily, got.RetryAfter, got.Verdict, test.want, test.daily, test.wait, test.verdict)
			}
		})
	}
}
