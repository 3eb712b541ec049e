package zoomwindow

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"callweave/internal/world"
)

// Event is an outgoing webhook.
type Event struct {
	Event   string         `json:"event"`
	EventTS int64          `json:"event_ts,omitempty"` // milliseconds
	Payload map[string]any `json:"payload"`
}

// MeetingEnded is what Zoom sends when m ends. Its duration is the scheduled one.
func (w *Window) MeetingEnded(m *world.Meeting) Event {
	var host string
	if m.Host != nil {
		host = m.Host.ZoomUserID
	}
	return Event{Event: "meeting.ended", EventTS: w.cfg.Now().UnixMilli(), Payload: map[string]any{
		"account_id": m.Account.ID,
		"object": map[string]any{
			"id": strconv.FormatInt(m.Number, 10), "uuid": uuidText(m.UUID), "host_id": host, "topic": m.Topic,
			"type": 8, "start_time": timeText(m.StartAt), "end_time": timeText(m.EndAt), "timezone": "UTC", "duration": 60,
		},
	}}
}

// Deauthorized is what Zoom sends when a user removes an app.
func (w *Window) Deauthorized(accountID, userID, clientID string) Event {
	now := w.cfg.Now()
	return Event{Event: "app_deauthorized", EventTS: now.UnixMilli(), Payload: map[string]any{
		"account_id": accountID, "user_id": userID, "client_id": clientID,
		"deauthorization_time": now.UTC().Format("2006-01-02T15:04:05.000Z"),
		"signature":            hashText(accountID + userID + clientID),
	}}
}

// webhookTimeout is how long Zoom waits for an acknowledgement.
const webhookTimeout = 3 * time.Second

// SendEvent delivers an event to a client's webhook, signed with its secret:
// x-zm-signature is v0= and the HMAC-SHA256 of "v0:<timestamp>:<body>". Anything but
// 200 or 204 within three seconds is an error. It does not retry.
func (w *Window) SendEvent(ctx context.Context, clientID string, event Event) error {
	_, err := w.deliver(ctx, clientID, event)
	return err
}

// ValidateEndpoint has a client's webhook prove that it knows its secret
// (endpoint.url_validation), as Zoom does on saving the URL and every 72 hours.
func (w *Window) ValidateEndpoint(ctx context.Context, clientID string) error {
	plain := randomText(16)
	body, err := w.deliver(ctx, clientID, Event{
		Event: "endpoint.url_validation", EventTS: w.cfg.Now().UnixMilli(), Payload: map[string]any{"plainToken": plain},
	})
	if err != nil {
		return err
	}
	var answer struct {
		PlainToken     string `json:"plainToken"`
		EncryptedToken string `json:"encryptedToken"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("validate endpoint: %w", err)
	}
	client, _ := w.client(clientID)
	if answer.PlainToken != plain || answer.EncryptedToken != sign(client.WebhookSecret, plain) {
		return errors.New("validate endpoint: wrong answer")
	}
	return nil
}

func (w *Window) deliver(ctx context.Context, clientID string, event Event) ([]byte, error) {
	client, ok := w.client(clientID)
	if !ok || client.WebhookURL == "" {
		return nil, fmt.Errorf("send %s: client has no webhook", event.Event)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", event.Event, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, client.WebhookURL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", event.Event, err)
	}
	timestamp := strconv.FormatInt(w.cfg.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Zm-Request-Timestamp", timestamp)
	req.Header.Set("X-Zm-Signature", "v0="+sign(client.WebhookSecret, "v0:"+timestamp+":"+string(body)))
	resp, err := w.webhooks.Do(req)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", event.Event, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", event.Event, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("send %s: webhook answered %d", event.Event, resp.StatusCode)
	}
	return answer, nil
}

func sign(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text)) // never fails
	return hex.EncodeToString(mac.Sum(nil))
}
