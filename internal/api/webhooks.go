package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/zoom/webhook"
)

const (
	// maxWebhookBody is far above what events that we know have: 2 kB.
	maxWebhookBody = 256 << 10
	// Zoom waits three seconds for an answer. An event that is not stored by then is
	// refused, and Zoom sends it again; one that is stored and not handed over is found by
	// the next look into the inbox.
	storeWithin    = 1500 * time.Millisecond
	handOverWithin = time.Second
)

// WebhookConfig is how webhooks of Zoom are received.
type WebhookConfig struct {
	Verifier *webhook.Verifier // nil where no secret token is configured: then all are refused
	ClientID string            // of our app; events that name another one are dropped
	Inbox    Inbox
}

// Inbox hears of events that cannot wait; [flows.Flows] does.
type Inbox interface {
	Arrived(ctx context.Context) error
}

// zoomWebhook stores what Zoom says and answers; what is to be done about it is done
// after. An answer of 5xx has Zoom try again, any other one has not.
func (s *Server) zoomWebhook(w http.ResponseWriter, r *http.Request) {
	answer, err := s.receiveZoom(w, r)
	if err != nil {
		s.writeError(w, r, err)
		return
	}
	s.writeJSON(w, r, http.StatusOK, answer)
}

func (s *Server) receiveZoom(w http.ResponseWriter, r *http.Request) (answer any, err error) {
	if s.webhooks.Verifier == nil {
		return nil, &failure{status: http.StatusServiceUnavailable, detail: "Webhooks are not set up here: ZOOM_WEBHOOK_SECRET is not set."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhookBody))
	if err != nil {
		return nil, bodyFailure(err)
	}
	if err := s.webhooks.Verifier.Verify(r.Header, body); err != nil {
		s.logger.WarnContext(r.Context(), "webhook refused", "request_id", requestID(r.Context()), "error", err)
		return nil, &failure{status: http.StatusUnauthorized, detail: "The request is not signed by Zoom, or too old."}
	}
	event, err := webhook.Parse(body)
	if err != nil {
		s.logger.WarnContext(r.Context(), "webhook refused", "request_id", requestID(r.Context()), "error", err)
		return nil, badRequest("The body is not an event.")
	}
	nothing := map[string]string{}
	switch {
	case event.Name == webhook.URLValidation:
		return s.webhooks.Verifier.Answer(event.PlainToken), nil
	case !event.Known():
		return nothing, nil
	case event.ClientID != "" && event.ClientID != s.webhooks.ClientID:
		s.logger.WarnContext(r.Context(), "webhook of another app dropped", "request_id", requestID(r.Context()), "event", event.Name)
		return nothing, nil
	}
	return nothing, s.storeWebhook(r.Context(), event, event.Key(body))
}

func bodyFailure(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	return badRequest("The body could not be read.")
}

func (s *Server) storeWebhook(ctx context.Context, event webhook.Event, key [32]byte) error {
	storing, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	ours, err := s.store.ReceiveWebhook(storing, store.Webhook{
		AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: event.AccountID},
		Key:        key, Event: event.Name, UserID: event.UserID, MeetingID: event.MeetingID, At: event.At,
	})
	if err != nil {
		s.logger.ErrorContext(ctx, "webhook was not stored", "request_id", requestID(ctx), "event", event.Name, "error", err)
		return unavailable("The event could not be stored. Send it again.")
	}
	if !ours || event.Name != webhook.Deauthorized {
		return nil // a meeting waits for the next look: it is not in the provider's lists yet
	}
	handing, cancel := context.WithTimeout(ctx, handOverWithin)
	defer cancel()
	if err := s.webhooks.Inbox.Arrived(handing); err != nil {
		s.logger.WarnContext(ctx, "webhook waits in the inbox", "request_id", requestID(ctx), "event", event.Name, "error", err)
	}
	return nil
}
