package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/secret"
	"callweave/internal/zoom/webhook"
)

const (
	token  = "the-secret-token"
	sample = `{"event":"meeting.ended"}`
)

var now = time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)

func signed(timestamp, key string) http.Header {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("v0:" + timestamp + ":" + sample))
	header := http.Header{}
	header.Set("X-Zm-Request-Timestamp", timestamp)
	header.Set("X-Zm-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return header
}

func TestVerify(t *testing.T) {
	t.Parallel()
	seconds := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	without := func(name string) http.Header {
		header := signed(seconds(0), token)
		header.Del(name)
		return header
	}
	otherTime := signed(seconds(-time.Hour), token)
	otherTime.Set("X-Zm-Request-Timestamp", seconds(0))
	tests := map[string]struct {
		header http.Header
		body   string
		want   error
	}{
		"right":                {signed(seconds(0), token), sample, nil},
		"milliseconds":         {signed(strconv.FormatInt(now.UnixMilli(), 10), token), sample, nil},
		"just young enough":    {signed(seconds(-5*time.Minute), token), sample, nil},
		"too old":              {signed(seconds(-5*time.Minute-time.Second), token), sample, webhook.ErrStale},
		"from the future":      {signed(seconds(6*time.Minute), token), sample, webhook.ErrStale},
		"time is no number":    {signed("yesterday", token), sample, webhook.ErrStale},
		"other secret":         {signed(seconds(0), "another"), sample, webhook.ErrSignature},
		"no secret":            {signed(seconds(0), ""), sample, webhook.ErrSignature},
		"other body":           {signed(seconds(0), token), sample + " ", webhook.ErrSignature},
		"old made to look new": {otherTime, sample, webhook.ErrSignature},
		"no signature":         {without("X-Zm-Signature"), sample, webhook.ErrUnsigned},
		"no timestamp":         {without("X-Zm-Request-Timestamp"), sample, webhook.ErrUnsigned},
	}
	verifier := webhook.NewVerifier(secret.New(token), func() time.Time { return now })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := verifier.Verify(test.header, []byte(test.body)); !errors.Is(err, test.want) {
				t.Errorf("Verify = %v, want %v", err, test.want)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	// printf plain | openssl dgst -sha256 -hmac secret
	got := webhook.NewVerifier(secret.New("secret"), nil).Answer("plain")
	want := webhook.Validation{PlainToken: "plain", EncryptedToken: "a237566e044b73e6a1e54bd59974547487fa5f8143025ce0d04d82e7ee4c5e34"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 9, 8, 15, 58, 40, 0, time.UTC)
	deauthorized := webhook.Event{Name: webhook.Deauthorized, At: at, AccountID: "acc", UserID: "usr", ClientID: "cli"}
	ended := webhook.Event{Name: webhook.MeetingEnded, At: at, AccountID: "acc", MeetingID: "4118UHIiRCAAAtBlDkcVyw=="}
	tests := map[string]struct {
		body string
		want webhook.Event
	}{
		"validation": {
			`{"event":"endpoint.url_validation","event_ts":1725811120000,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`,
			webhook.Event{Name: webhook.URLValidation, PlainToken: "qgg8vlvZRS6UYooatFL8Aw"},
		},
		"deauthorization": {
			`{"event":"app_deauthorized","event_ts":1725811999000,"payload":{"account_id":"acc","user_id":"usr","client_id":"cli","signature":"x","deauthorization_time":"2024-09-08T15:58:40.000Z"}}`,
			deauthorized,
		},
		"time as text in the payload": {
			`{"event":"app_deauthorized","payload":{"account_id":"acc","user_id":"usr","client_id":"cli","event_ts":"2024-09-08 15:58:40"}}`,
			deauthorized,
		},
		"time in seconds as text": {
			`{"event":"app_deauthorized","event_ts":"1725811120","payload":{"account_id":"acc","user_id":"usr","client_id":"cli","user_data_retention":"false"}}`,
			deauthorized,
		},
		"account id as number": {
			`{"event":"app_deauthorized","event_ts":1725811120000,"payload":{"account_id":12345678901234567890,"user_id":7}}`,
			webhook.Event{Name: webhook.Deauthorized, At: at, AccountID: "12345678901234567890", UserID: "7"},
		},
		"no time": {
			`{"event":"app_deauthorized","event_ts":"soon","payload":{"account_id":"acc","user_id":null}}`,
			webhook.Event{Name: webhook.Deauthorized, AccountID: "acc"},
		},
		"meeting, id as text": {
			`{"event":"meeting.ended","event_ts":1725811120000,"payload":{"account_id":"acc","object":{"id":"123","uuid":"4118UHIiRCAAAtBlDkcVyw==","topic":"secret plans","duration":60}}}`,
			ended,
		},
		"meeting, id as number, time in seconds": {
			`{"event":"meeting.ended","event_ts":1725811120,"payload":{"operator":"someone@example.com","user_id":"x","account_id":"acc","object":{"id":123,"uuid":"4118UHIiRCAAAtBlDkcVyw=="}}}`,
			ended,
		},
		"meeting without uuid": {
			`{"event":"meeting.ended","event_ts":1.72581112e12,"payload":{"account_id":"acc","object":{"id":123}}}`,
			webhook.Event{Name: webhook.MeetingEnded, At: at, AccountID: "acc", MeetingID: "123"},
		},
		"a time that no calendar knows": {
			`{"event":"meeting.ended","event_ts":9e18,"payload":{"account_id":"acc","object":{"id":123}}}`,
			webhook.Event{Name: webhook.MeetingEnded, AccountID: "acc", MeetingID: "123"},
		},
		"unknown, of any form": {`{"event":"user.created","event_ts":true,"payload":[1]}`, webhook.Event{Name: "user.created"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := webhook.Parse([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 129)
	for name, body := range map[string]string{
		"nothing":           ``,
		"no JSON":           `event=meeting.ended`,
		"no event":          `{"payload":{}}`,
		"a list":            `[{"event":"meeting.ended"}]`,
		"no payload":        `{"event":"meeting.ended"}`,
		"payload is text":   `{"event":"meeting.ended","payload":"x"}`,
		"no account":        `{"event":"meeting.ended","payload":{"object":{"id":1}}}`,
		"no plain token":    `{"event":"endpoint.url_validation","payload":{}}`,
		"a null character":  `{"event":"app_deauthorized","payload":{"account_id":"a\u0000"}}`,
		"endless ids":       `{"event":"app_deauthorized","payload":{"account_id":"` + long + `"}}`,
		"cut off":           `{"event":"app_deauthorized","payload":{"account_id":"a`,
		"account is a list": `{"event":"app_deauthorized","payload":{"account_id":["a"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := webhook.Parse([]byte(body)); !errors.Is(err, webhook.ErrMalformed) {
				t.Errorf("Parse = %+v, %v; want ErrMalformed", got, err)
			}
		})
	}
}

// The same event has the same key however it is written; another one has another.
func TestKey(t *testing.T) {
	t.Parallel()
	key := func(body string) [32]byte {
		event, err := webhook.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return event.Key([]byte(body))
	}
	one := key(`{"event":"meeting.ended","event_ts":1725811120000,"payload":{"account_id":"acc","object":{"id":"1","uuid":"u"}}}`)
	if again := key(`{"payload":{"object":{"uuid":"u","id":1},"account_id":"acc"},"event_ts":"1725811120000","event":"meeting.ended"}`); again != one {
		t.Error("the same event, written otherwise, has another key")
	}
	timeless := `{"event":"meeting.ended","payload":{"account_id":"acc","object":{"uuid":"u"}}}`
	seen := map[[32]byte]string{one: "the first"}
	for _, other := range []string{
		`{"event":"meeting.ended","event_ts":1725811120001,"payload":{"account_id":"acc","object":{"uuid":"u"}}}`,
		`{"event":"meeting.ended","event_ts":1725811120000,"payload":{"account_id":"acc","object":{"uuid":"v"}}}`,
		`{"event":"meeting.ended","event_ts":1725811120000,"payload":{"account_id":"ac","object":{"uuid":"cu"}}}`,
		`{"event":"app_deauthorized","event_ts":1725811120000,"payload":{"account_id":"acc"}}`,
		timeless, timeless + " ",
	} {
		if key(other) != key(strings.Clone(other)) {
			t.Errorf("%s has another key when it comes again", other)
		}
		if was, doubled := seen[key(other)]; doubled {
			t.Errorf("%s has the key of %s", other, was)
		}
		seen[key(other)] = other
	}
}

// No body makes reading fail in any other way, and what is read stays bounded.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"event":"app_deauthorized","event_ts":"2024-09-08 15:58:40","payload":{"account_id":1e400,"user_id":"u"}}`))
	f.Add([]byte(`{"event":"meeting.ended","event_ts":-1,"payload":{"account_id":"a","object":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := webhook.Parse(body)
		if err != nil && !errors.Is(err, webhook.ErrMalformed) {
			t.Errorf("error = %v", err)
		}
		if err == nil && event.Known() && max(len(event.AccountID), len(event.UserID), len(event.MeetingID), len(event.PlainToken)) > 128 {
			t.Errorf("ids are not bounded: %+v", event)
		}
		event.Key(body)
	})
}
