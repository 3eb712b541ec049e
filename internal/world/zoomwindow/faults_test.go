package zoomwindow

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func (b *bundle) inject(f Fault) *Injected {
	b.t.Helper()
	in, err := b.Faults.Add(f)
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

const aMeeting = "/metrics/meetings/93201235623?type=past"

func TestFaultsThatAnswer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault       Fault
		status      int
		code        float64
		contentType string
		retryAfter  string
	}{
		"500 JSON":    {Fault{Kind: FaultStatus}, 500, 500, "application/json", ""},
		"502 HTML":    {Fault{Kind: FaultStatus, Status: 502, Format: "html"}, 502, 0, "text/html", ""},
		"503 empty":   {Fault{Kind: FaultStatus, Status: 503, Format: "empty"}, 503, 0, "text/plain", ""},
		"403 HTML":    {Fault{Kind: FaultForbiddenHTML}, 403, 0, "text/html", ""},
		"404":         {Fault{Kind: FaultNotFound}, 404, 3001, "application/json", ""},
		"401":         {Fault{Kind: FaultUnauthorized}, 401, 124, "application/json", ""},
		"429":         {Fault{Kind: FaultRateLimit}, 429, 429, "application/json", ""},
		"429 seconds": {Fault{Kind: FaultRateLimit, RetryAfter: RetryAfterSeconds}, 429, 429, "application/json", "1"},
		"429 minute":  {Fault{Kind: FaultRateLimit, Limit: "minute", RetryAfter: RetryAfterHTTP}, 429, 429, "application/json", "Tue, 10 Nov 2026 12:01:00 GMT"},
		"429 daily":   {Fault{Kind: FaultRateLimit, Limit: "daily", RetryAfter: RetryAfterISO}, 429, 429, "application/json", "2026-11-11T00:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			access, _ := b.pair(b.owner)
			tt.fault.Path = "^/v2/metrics/meetings/"
			in := b.inject(tt.fault)
			got := b.get(access, aMeeting)
			if got.status != tt.status || got.code() != tt.code || !strings.HasPrefix(got.header.Get("Content-Type"), tt.contentType) || got.header.Get("Retry-After") != tt.retryAfter {
				t.Errorf("got %d %v %s", got.status, got.header, got.raw)
			}
			if got := b.get(access, aMeeting); got.status != 200 {
				t.Errorf("a fault strikes once unless told otherwise: got %d", got.status)
			}
			if in.Fired() != 1 {
				t.Errorf("fired: got %d", in.Fired())
			}
		})
	}
}

func TestFaultMatching(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Limits = &Limits{} })
	access, refresh := b.pair(b.owner)
	uuid := "/pfVhQWoSQmUs6ZOwFD4kw=="
	slashed := "/metrics/meetings/" + url.PathEscape(url.PathEscape(uuid)) + "?type=past"
	expect := func(name string, want int, got answer) {
		t.Helper()
		if got.status != want {
			t.Errorf("%s: got %d, want %d", name, got.status, want)
		}
	}

	b.inject(Fault{Kind: FaultStatus, Meeting: uuid, Count: -1})
	expect("another meeting", 200, b.get(access, aMeeting))
	expect("the meeting", 500, b.get(access, slashed))
	expect("the meeting again", 500, b.get(access, slashed))
	b.Faults.Clear()

	b.inject(Fault{Kind: FaultStatus, Path: "/users/", Skip: 2, Count: 2})
	for i, want := range []int{200, 200, 500, 500, 200} {
		expect("skip 2, count 2: "+string(rune('1'+i)), want, b.get(access, "/users/me"))
	}
	b.Faults.Clear()

	b.inject(Fault{Kind: FaultStatus, AccountID: "another"})
	expect("another account", 200, b.get(access, "/users/me"))
	b.inject(Fault{Kind: FaultStatus, AccountID: b.account.ID})
	expect("the account", 500, b.get(access, "/users/me"))
	b.Faults.Clear()

	b.inject(Fault{Kind: FaultStatus, Status: 503, GrantType: "refresh_token", AccountID: b.account.ID})
	expect("API", 200, b.get(access, "/users/me"))
	expect("refresh", 503, b.refresh(refresh))
	expect("refresh again, nothing was rotated", 200, b.refresh(refresh))

	for name, bad := range map[string]Fault{"kind": {Kind: "earthquake"}, "path": {Kind: FaultHang, Path: "("}} {
		if _, err := b.Faults.Add(bad); err == nil {
			t.Errorf("bad %s was accepted", name)
		}
	}
}

// The reply of a token request is lost; what it issued is not undone.
func TestFaultCut(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.OAuth.RefreshGrace = time.Minute })
	_, refresh := b.pair(b.owner)
	before := len(b.Issued())
	b.inject(Fault{Kind: FaultCut, GrantType: "refresh_token"})
	resp, err := b.server.Client().Do(b.tokenRequest("/oauth/token", "grant_type", "refresh_token", "refresh_token", refresh))
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("the connection was not cut")
	}
	if got := len(b.Issued()) - before; got != 2 {
		t.Errorf("issued: got %d tokens, want a pair", got)
	}
	if got := b.refresh(refresh); got.status != 200 {
		t.Errorf("the old token, within its grace: got %d %s", got.status, got.raw)
	}
}

func TestFaultsInBodies(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	request := func() (int, []byte, error) {
		t.Helper()
		req := b.request(http.MethodGet, "/v2"+aMeeting, "")
		req.Header.Set("Authorization", "Bearer "+access)
		resp, err := b.server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, body, err
	}
	b.inject(Fault{Kind: FaultTruncated, Path: "/meetings/"})
	if status, body, err := request(); !errors.Is(err, io.ErrUnexpectedEOF) || status != 200 || len(body) == 0 {
		t.Errorf("truncated: got %d, %d bytes, %v", status, len(body), err)
	}
	b.inject(Fault{Kind: FaultMalformedJSON, Path: "/meetings/"})
	if status, body, err := request(); err != nil || status != 200 || json.Valid(body) {
		t.Errorf("malformed: got %d %s %v", status, body, err)
	}
	b.inject(Fault{Kind: FaultEmptyQoS, Path: "/qos"})
	qos := b.get(access, "/metrics/meetings/93201235623/participants/qos?type=past")
	if people := rows(qos, "participants"); len(people) != 1 || len(people[0]["user_qos"].([]any)) != 0 {
		t.Errorf("empty user_qos: got %s", qos.raw)
	}
	path := "/metrics/meetings/93201235623/participants?type=past&page_size=1"
	token := b.get(access, path).text("next_page_token")
	b.inject(Fault{Kind: FaultDropPageTokens, Path: "next"}) // matches paths only, so never
	b.inject(Fault{Kind: FaultDropPageTokens, Path: "/participants$"})
	if got := b.get(access, path+"&next_page_token="+url.QueryEscape(token)); got.status != 400 || got.code() != 300 {
		t.Errorf("dropped page tokens: got %d %s", got.status, got.raw)
	}
}

// A test blocks the second matching request, is told, looks around, and lets it go.
func TestFaultHang(t *testing.T) {
	t.Parallel()
	for _, kind := range []FaultKind{FaultHang, FaultHangAfter} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			_, refresh := b.pair(b.owner)
			in := b.inject(Fault{Kind: kind, GrantType: "refresh_token", Skip: 1})
			refresh = b.refresh(refresh).text("refresh_token")
			issued := len(b.Issued())
			done := make(chan answer)
			go func() { done <- b.refresh(refresh) }()
			<-in.Hits()
			select {
			case <-done:
				t.Error("did not hang")
			default:
			}
			if kind == FaultHang && len(b.Issued()) != issued {
				t.Error("issued a pair before it hung")
			}
			in.Release()
			if got := <-done; got.status != 200 || len(b.Issued()) != issued+2 {
				t.Errorf("released: got %d %s", got.status, got.raw)
			}
		})
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	access, _ := b.pair(b.owner)
	control := func(method, path, body string) answer {
		t.Helper()
		return b.do(b.request(method, path, body))
	}
	added := control(http.MethodPost, "/_world/faults", `{"kind":"status","status":503,"path":"/users/","count":-1}`)
	if added.status != 201 {
		t.Fatalf("add: got %d %s", added.status, added.raw)
	}
	if got := b.get(access, "/users/me"); got.status != 503 {
		t.Errorf("got %d", got.status)
	}
	state := control(http.MethodGet, "/_world/state", "")
	if faults := rows(state, "faults"); len(faults) != 1 || faults[0]["fired"] != 1.0 || faults[0]["status"] != 503.0 {
		t.Errorf("state: got %s", state.raw)
	}
	for _, secret := range b.Issued() {
		if strings.Contains(string(state.raw), secret) {
			t.Error("state shows a secret")
		}
	}
	if got := control(http.MethodDelete, "/_world/faults/"+added.text("id"), ""); got.status != 204 {
		t.Errorf("remove: got %d", got.status)
	}
	if got := b.get(access, "/users/me"); got.status != 200 {
		t.Errorf("removed: got %d", got.status)
	}
	for name, got := range map[string]answer{
		"unknown kind":  control(http.MethodPost, "/_world/faults", `{"kind":"earthquake"}`),
		"unknown field": control(http.MethodPost, "/_world/faults", `{"kind":"hang","pth":"x"}`),
	} {
		if got.status != 400 {
			t.Errorf("%s: got %d %s", name, got.status, got.raw)
		}
	}
	if got := control(http.MethodPost, "/_world/uninstall/"+clientID+"/"+b.account.ID, ""); got.status != 204 || b.Grants()[0].Dead != string(causeUninstalled) {
		t.Errorf("uninstall: got %d, grant %+v", got.status, b.Grants()[0])
	}
	if got := control(http.MethodDelete, "/_world/faults/99", ""); got.status != 404 {
		t.Errorf("remove nothing: got %d", got.status)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	const webhookSecret = "wEbHoOkSeCrEt"
	type event struct{ body, signature, timestamp string }
	events := make(chan event, 10)
	validate := true
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var said struct {
			Event   string `json:"event"`
			Payload struct {
				PlainToken string `json:"plainToken"`
			} `json:"payload"`
		}
		_ = json.Unmarshal(body, &said)
		if said.Event == "endpoint.url_validation" && validate {
			_ = json.NewEncoder(rw).Encode(map[string]string{
				"plainToken": said.Payload.PlainToken, "encryptedToken": sign(webhookSecret, said.Payload.PlainToken),
			})
			return
		}
		events <- event{string(body), r.Header.Get("X-Zm-Signature"), r.Header.Get("X-Zm-Request-Timestamp")}
		if strings.Contains(string(body), "refused") {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(hook.Close)
	b := setup(t, func(c *Config) {
		c.Clients[0].WebhookURL, c.Clients[0].WebhookSecret, c.Clients[0].Published = hook.URL, webhookSecret, true
	})
	if err := b.ValidateEndpoint(t.Context(), clientID); err != nil {
		t.Error(err)
	}
	validate = false
	if err := b.ValidateEndpoint(t.Context(), clientID); err == nil {
		t.Error("an endpoint that does not know the secret was validated")
	}
	<-events
	if err := b.SendEvent(t.Context(), clientID, b.MeetingEnded(b.ended)); err != nil {
		t.Fatal(err)
	}
	got := <-events
	// The known answer of HMAC-SHA256 is crypto/hmac's to test; here it is the message signed.
	if got.signature != "v0="+sign(webhookSecret, "v0:"+got.timestamp+":"+got.body) || got.timestamp != "1794312000" {
		t.Errorf("signature: got %s at %s", got.signature, got.timestamp)
	}
	for _, part := range []string{`"event":"meeting.ended"`, `"event_ts":1794312000000`, `"uuid":"gm8s9L+PTEC+FG3sFbd1Cw=="`, `"account_id":"q6gBJVO5TzexKYTb_I2rpg"`} {
		if !strings.Contains(got.body, part) {
			t.Errorf("body lacks %s: %s", part, got.body)
		}
	}
	if err := b.SendEvent(t.Context(), clientID, Event{Event: "refused"}); err == nil {
		t.Error("a refused event is no error")
	}
	<-events
	b.pair(b.owner)
	if err := b.Uninstall(t.Context(), clientID, b.account.ID); err != nil {
		t.Fatal(err)
	}
	if got := <-events; !strings.Contains(got.body, `"event":"app_deauthorized"`) || !strings.Contains(got.body, b.owner.ZoomUserID) {
		t.Errorf("uninstalled: got %s", got.body)
	}
}

// Requests, refreshes, faults and accounting at once; the race detector judges.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Limits = &Limits{}
		c.OAuth.RefreshGrace, c.OAuth.AccessGrace = time.Hour, time.Hour
	})
	access, refresh := b.pair(b.owner)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				in := b.inject(Fault{Kind: FaultStatus, Path: "/nowhere"})
				for _, path := range []string{"/users/me", "/metrics/meetings?type=past&page_size=1" + span, "/metrics/meetings/93201235623/participants/qos?type=past"} {
					if got := b.get(access, path); got.status != 200 {
						t.Errorf("%s: got %d", path, got.status)
					}
				}
				if got := b.refresh(refresh); got.status != 200 {
					t.Errorf("refresh: got %d", got.status)
				}
				b.State()
				b.Issued()
				b.PersonalData()
				b.Faults.Remove(in.ID)
			}
		})
	}
	group.Wait()
	if got := b.Metered(b.account.ID); got != 8*10*2 {
		t.Errorf("metered: got %d, want %d", got, 8*10*2)
	}
}
