package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The events that we do something about.
const (
	URLValidation = "endpoint.url_validation"
	Deauthorized  = "app_deauthorized"
	MeetingEnded  = "meeting.ended"
)

// ErrMalformed says that a body is no event, or one of the above without what it needs.
var ErrMalformed = errors.New("not an event")

// maxID bounds the ids of an event; Zoom's have 22 to 36 characters.
const maxID = 128

// Event is what a webhook says, without anything about people but a user's id. Of an
// event that we do nothing about only the name is set.
type Event struct {
	Name       string
	At         time.Time // when it happened; zero where Zoom does not say
	AccountID  string
	UserID     string // of a deauthorization: whose
	ClientID   string // of a deauthorization: which app's
	MeetingID  string // of a meeting: the instance's UUID, or its number where there is none
	PlainToken string // of a validation
}

// Known reports whether the event is one that we do something about.
func (e Event) Known() bool {
	switch e.Name {
	case URLValidation, Deauthorized, MeetingEnded:
		return true
	}
	return false
}

// Parse reads a body. [ErrMalformed] where it is no event.
func Parse(body []byte) (Event, error) {
	var envelope struct {
		Event   string          `json:"event"`
		EventTS text            `json:"event_ts"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Event == "" {
		return Event{}, ErrMalformed
	}
	e := Event{Name: envelope.Event}
	if !e.Known() {
		return e, nil
	}
	var payload struct {
		AccountID           text   `json:"account_id"`
		UserID              text   `json:"user_id"`
		ClientID            text   `json:"client_id"`
		EventTS             text   `json:"event_ts"`
		DeauthorizationTime text   `json:"deauthorization_time"`
		PlainToken          string `json:"plainToken"`
		Object              struct {
			ID   text `json:"id"`
			UUID text `json:"uuid"`
		} `json:"object"`
	}
	if err := json.Unmarshal(envelope.Payload, &payload); err != nil {
		return Event{}, fmt.Errorf("%s: payload: %w", e.Name, ErrMalformed)
	}
	if e.Name == URLValidation {
		if e.PlainToken = payload.PlainToken; e.PlainToken == "" || len(e.PlainToken) > maxID {
			return Event{}, fmt.Errorf("%s: plainToken: %w", e.Name, ErrMalformed)
		}
		return e, nil
	}
	e.AccountID, e.UserID, e.ClientID = string(payload.AccountID), string(payload.UserID), string(payload.ClientID)
	times := []text{envelope.EventTS, payload.EventTS}
	switch e.Name {
	case MeetingEnded:
		// Who did it says nothing here: it is not kept.
		e.UserID = ""
		if e.MeetingID = string(payload.Object.UUID); e.MeetingID == "" {
			e.MeetingID = string(payload.Object.ID)
		}
	case Deauthorized:
		times = append([]text{payload.DeauthorizationTime}, times...)
	}
	e.At = firstTime(times)
	if err := e.check(); err != nil {
		return Event{}, err
	}
	return e, nil
}

func (e Event) check() error {
	switch {
	case e.AccountID == "":
		return fmt.Errorf("%s: account_id: %w", e.Name, ErrMalformed)
	case max(len(e.AccountID), len(e.UserID), len(e.MeetingID)) > maxID,
		strings.ContainsFunc(e.AccountID+e.UserID+e.MeetingID, unicode.IsControl):
		return fmt.Errorf("%s: ids: %w", e.Name, ErrMalformed)
	}
	return nil
}

// Key is the same for every delivery of an event, however its body is written. Events
// carry no id: what they are about and when makes one. Where Zoom does not say when, the
// body is all there is.
func (e Event) Key(body []byte) [sha256.Size]byte {
	if e.At.IsZero() {
		return sha256.Sum256(body)
	}
	// JSON keeps the parts apart.
	identity, _ := json.Marshal([]string{e.Name, e.AccountID, e.UserID, e.ClientID, e.MeetingID, e.At.Format(time.RFC3339Nano)}) //nolint:errchkjson // strings always marshal
	return sha256.Sum256(identity)
}

func firstTime(texts []text) time.Time {
	for _, t := range texts {
		if at := eventTime(string(t)); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// text is a JSON string, or a number as it is written. Anything else is none.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) == 0:
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("read text: %w", err)
		}
		*t = text(strings.TrimSpace(s))
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		*t = text(raw)
	}
	return nil
}
