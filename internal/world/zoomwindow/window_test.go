package zoomwindow

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/world"
)

const (
	clientID     = "cLiEnT1234567890abcdef"
	clientSecret = "s3cr3tS3cr3tS3cr3tS3cr3t"
	callback     = "/callback?via=zoom"
)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// stubMeetings is a world of chosen meetings.
type stubMeetings []*world.Meeting

func (s stubMeetings) where(keep func(*world.Meeting) bool) (found []*world.Meeting) {
	for _, m := range s {
		if keep(m) {
			found = append(found, m)
		}
	}
	return found
}

func (s stubMeetings) MeetingsStarting(_ *world.Account, from, to time.Time) []*world.Meeting {
	return s.where(func(m *world.Meeting) bool { return !m.StartAt.Before(from) && m.StartAt.Before(to) })
}

func (s stubMeetings) MeetingsEnding(_ *world.Account, from, to time.Time) []*world.Meeting {
	return s.where(func(m *world.Meeting) bool { return !m.EndAt.Before(from) && m.EndAt.Before(to) })
}

func (s stubMeetings) MeetingByUUID(_ *world.Account, uuid [16]byte) (*world.Meeting, bool) {
	for _, m := range s {
		if m.UUID == uuid {
			return m, true
		}
	}
	return nil, false
}

func (s stubMeetings) Minutes(l *world.Leg) (minutes []world.Minute) {
	for t := l.JoinAt.Truncate(time.Minute); t.Before(l.LeaveAt); t = t.Add(time.Minute) {
		minutes = append(minutes, world.Minute{
			StartAt: t,
			AudioIn: world.Stream{Present: true, LatencyMS: 126, JitterMS: 7, LossAvgPercent: 0.03, LossMaxPercent: 0.4, BitrateKbps: 27.15},
			VideoIn: world.Stream{Present: true, LatencyMS: 130, JitterMS: 9, LossAvgPercent: 1, LossMaxPercent: 2, BitrateKbps: 900, FrameRateFPS: 24, Width: 1280, Height: 720},
			CPU:     world.CPU{ZoomMin: 1, ZoomAvg: 5, ZoomMax: 9, SystemMax: 40},
			RSSI:    &world.RSSI{Min: -70, Avg: -60, Max: -50},
		})
	}
	return minutes
}

// bundle is a window over a small world, served, with its clock.
type bundle struct {
	*Window
	t       *testing.T
	clock   *clock
	server  *httptest.Server
	account *world.Account
	owner   *world.Person
	deputy  *world.Person
	ended   *world.Meeting // an hour ago, with a guest, a rejoin and 12 joins
	alone   *world.Meeting
	running *world.Meeting
	slashed *world.Meeting // its UUID begins with "/"
}

var noon = time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)

func uuidOf(t *testing.T, text string) [16]byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 16 {
		t.Fatalf("not a UUID: %q", text)
	}
	return [16]byte(raw)
}

// setup serves a window; change may alter its configuration.
func setup(t *testing.T, change func(*Config)) *bundle {
	t.Helper()
	account := &world.Account{ID: "q6gBJVO5TzexKYTb_I2rpg", Number: 10009239, Company: "Quillmere Logistics"}
	person := func(id, first, last, email string) *world.Person {
		p := &world.Person{ZoomUserID: id, FirstName: first, LastName: last, Email: email, Account: account}
		account.People = append(account.People, p)
		return p
	}
	b := &bundle{t: t, clock: &clock{now: noon}, account: account}
	b.owner = person("z8yAAAAATzexKYTb_owner", "Olive", "Ownerby", "olive@quillmere.example")
	b.deputy = person("z8yAAAAATzexKYTb_deput", "Dev", "Deputy", "dev@quillmere.example")
	member := person("z8yAAAAATzexKYTb_membr", "Mem", "Berg", "mem@quillmere.example")
	account.Admins = []*world.Person{b.owner, b.deputy}

	meeting := func(uuid string, number int64, start, end time.Time, people ...*world.Person) *world.Meeting {
		m := &world.Meeting{Account: account, UUID: uuidOf(t, uuid), Number: number, Topic: "Sync", Host: b.owner, StartAt: start, EndAt: end}
		for i, p := range people {
			leg := &world.Leg{
				Meeting: m, UserID: "167782" + string(rune('0'+i%10)) + "0", UUID: uuid + string(rune('A'+i)), Person: p,
				JoinAt: start, LeaveAt: end, Device: "Windows", OS: "Windows 11", Network: "Wifi", DataCenter: "Germany (FR Top)",
				PublicIP: netip.MustParseAddr("198.18.0.2"), PrivateIP: netip.MustParseAddr("192.168.1.7"), VideoOn: true,
			}
			if p == nil {
				leg.GuestName = "Gust Gastson"
			} else {
				leg.MAC, leg.Hostname = macaddr.Addr{0xf8, 0x5e, 0xa0, 0x12, 0x92, byte(i)}, "LT-00"+string(rune('A'+i))
			}
			m.Legs = append(m.Legs, leg)
		}
		return m
	}
	hour := time.Hour
	b.ended = meeting("gm8s9L+PTEC+FG3sFbd1Cw==", 93201235621, noon.Add(-2*hour), noon.Add(-hour),
		b.owner, member, nil, member, member, member, member, member, member, member, member, member)
	b.ended.Legs[11].UserID = b.ended.Legs[1].UserID // a rejoin under the same id
	b.alone = meeting("AAAAAAAAAAAAAAAAAAAAAQ==", 93201235622, noon.Add(-3*hour), noon.Add(-2*hour), b.owner)
	b.running = meeting("AAAAAAAAAAAAAAAAAAAAAg==", 93201235621, noon.Add(-hour/2), noon.Add(hour/2), b.owner, member)
	b.slashed = meeting("/pfVhQWoSQmUs6ZOwFD4kw==", 93201235623, noon.Add(-5*hour), noon.Add(-4*hour), b.owner, member)
	doubled := meeting("pfVh//WoSQmUs6ZOwFD4kw==", 93201235624, noon.Add(-6*hour), noon.Add(-5*hour), b.owner, member)
	inner := meeting("pfVh/QWoSQmUs6ZOwFD4kw==", 93201235625, noon.Add(-7*hour), noon.Add(-6*hour), b.owner, member)
	stub := stubMeetings{b.ended, b.alone, b.running, b.slashed, doubled, inner}

	server := httptest.NewUnstartedServer(nil)
	cfg := Config{Now: b.clock.Now, Clients: []Client{{
		ID: clientID, Secret: clientSecret, Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		RedirectURIs: []string{"http://" + server.Listener.Addr().String() + callback},
	}}}
	if change != nil {
		change(&cfg)
	}
	b.Window = newWindow([]*world.Account{account}, stub, cfg)
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			return
		}
		b.ServeHTTP(rw, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(b.Faults.Clear) // before the server waits for requests that hang
	b.server = server
	return b
}

func (b *bundle) redirectURI() string { return b.server.URL + callback }

// authorizeURL is an authorization request; the pairs replace or, when empty, drop
// parameters.
func (b *bundle) authorizeURL(pairs ...string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {b.redirectURI()}, "state": {"st/a te"}}
	for i := 0; i < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return b.server.URL + "/oauth/authorize?" + q.Encode()
}

// code authorizes and returns the code.
func (b *bundle) code(admin *world.Person, pairs ...string) string {
	b.t.Helper()
	end, err := NewBrowser().Approve(context.Background(), b.authorizeURL(pairs...), admin.Email)
	if err != nil {
		b.t.Fatal(err)
	}
	parsed, err := url.Parse(end)
	if err != nil {
		b.t.Fatal(err)
	}
	return parsed.Query().Get("code")
}

// answer is a reply, read.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    []byte
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }
func (a answer) code() float64           { n, _ := a.body["code"].(float64); return n }

func (b *bundle) do(req *http.Request) answer {
	b.t.Helper()
	resp, err := b.server.Client().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	out := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(raw, &out.body); err != nil {
			b.t.Fatalf("%s: %v", raw, err)
		}
	}
	return out
}

// request makes a request; the path goes out as it is written.
func (b *bundle) request(method, path, body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return req
}

// tokenRequest posts to an OAuth endpoint with the client's credentials.
func (b *bundle) tokenRequest(path string, pairs ...string) *http.Request {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req := b.request(http.MethodPost, path, form.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(clientID, clientSecret)
	return req
}

func (b *bundle) exchange(code string, pairs ...string) answer {
	b.t.Helper()
	return b.do(b.tokenRequest("/oauth/token", append([]string{
		"grant_type", "authorization_code", "code", code, "redirect_uri", b.redirectURI(),
	}, pairs...)...))
}

func (b *bundle) refresh(token string) answer {
	b.t.Helper()
	return b.do(b.tokenRequest("/oauth/token", "grant_type", "refresh_token", "refresh_token", token))
}

// pair authorizes as the admin and returns access and refresh token.
func (b *bundle) pair(admin *world.Person) (access, refresh string) {
	b.t.Helper()
	got := b.exchange(b.code(admin))
	if got.status != http.StatusOK {
		b.t.Fatalf("exchange: %d %s", got.status, got.raw)
	}
	return got.text("access_token"), got.text("refresh_token")
}

// get calls the API; path is below /v2 and goes out as it is written.
func (b *bundle) get(access, path string) answer {
	b.t.Helper()
	req := b.request(http.MethodGet, "/v2"+path, "")
	req.Header.Set("Authorization", "Bearer "+access)
	return b.do(req)
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
