package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"callweave/internal/zoom/webhook"
)

// ended is an event whose reading is known.
const ended = `{"event":"meeting.ended","event_ts":1794308400000,"payload":{"account_id":"acct","object":{"id":86113344556,"uuid":"abc/+=="}}}`

// FuzzEvent holds the reading of events to what its callers rely on: an event names its
// account, ids can be stored, nothing of an event that we do nothing about is kept, and
// however the same JSON is laid out it is the same event with the same key.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		ended,
		`{"event":"meeting.ended","event_ts":"1794308400","payload":{"account_id":"a","object":{"id":"1","uuid":null}}}`,
		`{"event":"app_deauthorized","event_ts":1794308400000,"payload":{"account_id":"a","user_id":"u","client_id":"c","deauthorization_time":"2024-09-08 15:58:40"}}`,
		`{"event":"app_deauthorized","payload":{"event_ts":"NaN","account_id":7,"user_id":["x"]}}`,
		`{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`,
		`{"event":"meeting.started","payload":{"account_id":"a"}}`,
		`{"event":"meeting.ended","event_ts":1e300,"payload":{"account_id":"a\u0000","object":7}}`,
		`[]`, ``, `{"event":`,
	} {
		f.Add([]byte(seed))
	}
	good, err := webhook.Parse([]byte(ended))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkGarbage(t, good, body)
		event, err := webhook.Parse(body)
		if err != nil {
			if !errors.Is(err, webhook.ErrMalformed) || len(err.Error()) > 60 || event != (webhook.Event{}) {
				t.Fatalf("an error of %T, %d characters long, with %+v", err, len(err.Error()), event)
			}
			return
		}
		if !event.Known() {
			if event != (webhook.Event{Name: event.Name}) || event.Name == "" {
				t.Fatalf("an event that is none of ours keeps %+v", event)
			}
			return
		}
		checkEvent(t, event)

		var indented bytes.Buffer
		if err := json.Indent(&indented, body, "  ", "\t"); err != nil {
			t.Fatalf("an event was read from what is no JSON: %v", err)
		}
		again, err := webhook.Parse(indented.Bytes())
		if err != nil || again != event {
			t.Fatalf("laid out otherwise it is %+v, %v; want %+v", again, err, event)
		}
		if !event.At.IsZero() && event.Key(body) != again.Key(indented.Bytes()) {
			t.Fatal("laid out otherwise it has another key")
		}
	})
}

func checkEvent(t *testing.T, event webhook.Event) {
	t.Helper()
	for _, id := range []string{event.AccountID, event.UserID, event.MeetingID, event.PlainToken} {
		if len(id) > 128 || id != event.PlainToken && strings.ContainsFunc(id, unicode.IsControl) {
			t.Fatalf("an id of %d bytes that cannot be stored: %q", len(id), id)
		}
	}
	if event.Name == webhook.URLValidation {
		if event.PlainToken == "" {
			t.Fatal("a validation without token")
		}
		return
	}
	if event.AccountID == "" || event.Name == webhook.MeetingEnded && event.UserID != "" {
		t.Fatalf("event is %+v", event)
	}
	if at := event.At; !at.IsZero() && (at.Year() < 0 || at.Year() > 9999) { // what JSON can write
		t.Fatalf("it happened %s", at)
	}
}

// checkGarbage puts JSON that nobody expects beside what is expected.
func checkGarbage(t *testing.T, good webhook.Event, garbage []byte) {
	t.Helper()
	if !json.Valid(garbage) {
		return
	}
	body := `{"x":` + string(garbage) + `,` + strings.Replace(ended, `"payload":{`, `"payload":{"y":`+string(garbage)+`,`, 1)[1:]
	if event, err := webhook.Parse([]byte(body)); err != nil || event != good {
		t.Fatalf("beside %q the event is %+v, %v", garbage, event, err)
	}
}
