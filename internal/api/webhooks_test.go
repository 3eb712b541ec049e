package api_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/secret"
	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
	"callweave/internal/zoom/webhook"
)

const (
	webhookPath   = "/api/v1/webhooks/zoom"
	webhookSecret = "the-webhook-secret"
	webhookClient = "our-client"
)

// inbox plays the workflow that sees to stored events.
type inbox struct {
	mu        sync.Mutex
	arrived   int
	deadlines []time.Time
	down      bool // Temporal hangs
}

func (i *inbox) Arrived(ctx context.Context) error {
	i.mu.Lock()
	i.arrived++
	deadline, _ := ctx.Deadline()
	i.deadlines = append(i.deadlines, deadline)
	down := i.down
	i.mu.Unlock()
	if !down {
		return nil
	}
	<-ctx.Done()
	return errors.New("Temporal does not answer")
}

func withWebhooks(i *inbox) option {
	return func(c *api.Config, _ *authorize.Config) {
		c.Webhooks = api.WebhookConfig{Verifier: webhook.NewVerifier(secret.New(webhookSecret), nil), ClientID: webhookClient, Inbox: i}
	}
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// post signs a body as Zoom does.
func post(timestamp, body, key string) *http.Request {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	request := httptest.NewRequest(http.MethodPost, webhookPath, strings.NewReader(body))
	request.Header.Set("X-Zm-Request-Timestamp", timestamp)
	request.Header.Set("X-Zm-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return request
}

// storedEvent is what the inbox keeps of an event.
type storedEvent struct {
	Event, Account, User, Meeting, State, Outcome string
	At                                            time.Time
}

func (b *bundle) stored(t *testing.T) []storedEvent {
	t.Helper()
	rows, err := b.db.Query(t.Context(), `select event, coalesce(account_id, ''), coalesce(user_id, ''), coalesce(meeting_id, ''), state,
		coalesce(outcome, ''), coalesce(event_at, timestamptz 'epoch') from webhook_events order by event_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var events []storedEvent
	for rows.Next() {
		var e storedEvent
		if err := rows.Scan(&e.Event, &e.Account, &e.User, &e.Meeting, &e.State, &e.Outcome, &e.At); err != nil {
			t.Fatal(err)
		}
		e.At = e.At.UTC()
		events = append(events, e)
	}
	return events
}

func TestZoomWebhook(t *testing.T) {
	t.Parallel()
	const (
		ended        = `{"event":"meeting.ended","event_ts":1725811120000,"payload":{"account_id":"` + accountID + `","object":{"id":"123","uuid":"aDYlohsHRtCd4ii1uC2+hA==","topic":"Plans","host_id":"h"}}}`
		endedAgain   = `{"payload":{"object":{"uuid":"aDYlohsHRtCd4ii1uC2+hA==","id":123},"account_id":"` + accountID + `"},"event_ts":"1725811120000","event":"meeting.ended"}`
		deauthorized = `{"event":"app_deauthorized","event_ts":"1725811120","payload":{"account_id":"` + accountID + `","user_id":"u1","client_id":"our-client","signature":"s","deauthorization_time":"2024-09-08T15:58:40.000Z"}}`
		stranger     = `{"event":"app_deauthorized","event_ts":1725811120000,"payload":{"account_id":"somebody-else","user_id":"u9","client_id":"our-client"}}`
	)
	now := time.Now()
	at := time.Date(2024, 9, 8, 15, 58, 40, 0, time.UTC)
	storedMeeting := storedEvent{Event: "meeting.ended", Account: accountID, Meeting: "aDYlohsHRtCd4ii1uC2+hA==", State: "stored", At: at}
	storedDeauthorization := storedEvent{Event: "app_deauthorized", Account: accountID, User: "u1", State: "stored", At: at}
	right := func(body string) *http.Request { return post(seconds(now), body, webhookSecret) }
	unsigned := right(ended)
	unsigned.Header.Del("X-Zm-Signature")
	restamped := post(seconds(now.Add(-time.Hour)), ended, webhookSecret)
	restamped.Header.Set("X-Zm-Request-Timestamp", seconds(now))

	tests := map[string]struct {
		requests []*http.Request
		status   int
		stored   []storedEvent
		arrived  int
	}{
		"meeting ended":            {[]*http.Request{right(ended)}, 200, []storedEvent{storedMeeting}, 0},
		"deauthorized":             {[]*http.Request{right(deauthorized)}, 200, []storedEvent{storedDeauthorization}, 1},
		"timestamp in ms":          {[]*http.Request{post(strconv.FormatInt(now.UnixMilli(), 10), ended, webhookSecret)}, 200, []storedEvent{storedMeeting}, 0},
		"twice, written otherwise": {[]*http.Request{right(ended), right(ended), right(endedAgain)}, 200, []storedEvent{storedMeeting}, 0},
		"newest first":             {[]*http.Request{right(deauthorized), right(ended)}, 200, []storedEvent{storedDeauthorization, storedMeeting}, 1},
		"unknown account": {
			[]*http.Request{right(stranger)},
			200,
			[]storedEvent{{Event: "app_deauthorized", State: "settled", Outcome: "unknown_account", At: at}},
			0,
		},
		"another app":         {[]*http.Request{right(strings.Replace(deauthorized, "our-client", "development", 1))}, 200, nil, 0},
		"unknown event":       {[]*http.Request{right(`{"event":"user.created","event_ts":[],"payload":7}`)}, 200, nil, 0},
		"no signature":        {[]*http.Request{unsigned}, 401, nil, 0},
		"other secret":        {[]*http.Request{post(seconds(now), ended, "another")}, 401, nil, 0},
		"replayed too late":   {[]*http.Request{post(seconds(now.Add(-time.Hour)), ended, webhookSecret)}, 401, nil, 0},
		"replayed, restamped": {[]*http.Request{restamped}, 401, nil, 0},
		"from the future":     {[]*http.Request{post(seconds(now.Add(time.Hour)), ended, webhookSecret)}, 401, nil, 0},
		"no JSON":             {[]*http.Request{right("event=meeting.ended")}, 400, nil, 0},
		"no account":          {[]*http.Request{right(`{"event":"meeting.ended","payload":{}}`)}, 400, nil, 0},
		"too large":           {[]*http.Request{right(`{"event":"` + strings.Repeat("x", 300<<10) + `"}`)}, 413, nil, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &inbox{}
			b := setup(t, withWebhooks(i))
			b.link(t, b.org, accountID, "Acme", "Jane Doe")
			for _, request := range test.requests {
				if answer := b.send(request); answer.Code != test.status {
					t.Fatalf("status %d, want %d: %s", answer.Code, test.status, answer.Body)
				}
			}
			if diff := cmp.Diff(test.stored, b.stored(t)); diff != "" {
				t.Errorf("inbox (-want +got):\n%s", diff)
			}
			if i.arrived != test.arrived {
				t.Errorf("the workflow was told %d times, want %d", i.arrived, test.arrived)
			}
			for _, hidden := range []string{"Plans", webhookSecret, "u1"} {
				if strings.Contains(b.log.String(), hidden) {
					t.Errorf("%q is in the log", hidden)
				}
			}
		})
	}
}

func TestZoomWebhookWithoutSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// An empty secret signs as well as any: nothing may be accepted by it.
	answer := b.send(post(seconds(time.Now()), `{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}`, ""))
	if answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "ZOOM_WEBHOOK_SECRET") {
		t.Errorf("status %d: %s; want 503 that names the variable", answer.Code, answer.Body)
	}
}

// The simulated Zoom gives up after three seconds, as the real one does: whatever else is
// down, an event that is stored is acknowledged and one that is not is refused by then.
func TestZoomWebhookOverHTTP(t *testing.T) {
	t.Parallel()
	i := &inbox{}
	b := setup(t, withWebhooks(i))
	server := httptest.NewServer(b.handler)
	t.Cleanup(server.Close)
	simulated, err := world.New(world.DemoConfig(7))
	if err != nil {
		t.Fatal(err)
	}
	account := simulated.Accounts[0]
	window := zoomwindow.New(simulated, zoomwindow.Config{Clients: []zoomwindow.Client{{
		ID: webhookClient, WebhookURL: server.URL + webhookPath, WebhookSecret: webhookSecret,
	}}})
	b.link(t, b.org, account.ID, "Acme", "Jane Doe")

	if err := window.ValidateEndpoint(t.Context(), webhookClient); err != nil {
		t.Error(err)
	}
	i.down = true
	began := time.Now()
	if err := window.SendEvent(t.Context(), webhookClient, window.Deauthorized(account.ID, "u1", webhookClient)); err != nil {
		t.Errorf("with Temporal down: %v", err)
	}
	if i.arrived != 1 || i.deadlines[0].IsZero() || i.deadlines[0].After(began.Add(3*time.Second)) {
		t.Errorf("told %d times, with deadlines %v: the answer could leave too late", i.arrived, i.deadlines)
	}
	if got := b.stored(t); len(got) != 1 || got[0].State != "stored" {
		t.Errorf("stored = %+v, want the one event, to be seen to later", got)
	}

	// Somebody holds the link's row: whether the account is linked cannot be known in time.
	tx, err := b.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "update links set status = 'unlinking'"); err != nil {
		t.Fatal(err)
	}
	err = window.SendEvent(t.Context(), webhookClient, zoomwindow.Event{
		Event: "meeting.ended", EventTS: 1, Payload: map[string]any{"account_id": account.ID, "object": map[string]any{"id": 1}},
	})
	if err == nil || !strings.Contains(err.Error(), "answered 503") {
		t.Errorf("with the database held up: %v, want 503, upon which Zoom tries again", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.stored(t); len(got) != 1 {
		t.Errorf("stored = %+v, want nothing new", got)
	}
}
