package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

const (
	// maxBody bounds a reply: ten legs of 30 hours (the longest meeting Zoom allows) at
	// about 4 KB a minute are 72 MB.
	maxBody = 128 << 20
	// tries is how often one request is sent before its trouble is the caller's. A page
	// that fails once must not cost the pages before it.
	tries = 3
	// patience is the longest pause between two tries; a longer wait is the caller's.
	patience = 10 * time.Second
)

// get sends one request and hands a good reply's body to read. Waits and retries that are
// a matter of seconds happen here; everything else is an [*provider.Error].
func (c *Client) get(ctx context.Context, operation string, access secret.Text, target *url.URL, before func(context.Context) error, read func(io.Reader) error) error {
	for try := 1; ; try++ {
		if before != nil {
			if err := before(ctx); err != nil {
				return err
			}
		}
		failure := c.getOnce(ctx, operation, access, target, read)
		if failure == nil {
			return nil
		}
		pause, again := pauseBefore(failure, try)
		if !again || ctx.Err() != nil {
			return failure
		}
		select {
		case <-ctx.Done():
			return failure
		case <-time.After(pause):
		}
	}
}

// pauseBefore says how long to wait before sending a request again, if at all.
func pauseBefore(failure *provider.Error, try int) (time.Duration, bool) {
	if try >= tries || errors.Is(failure, errPageTokenDied) {
		return 0, false
	}
	pause := time.Duration(try) * time.Second / 2
	switch failure.Kind {
	case provider.RateLimited:
		if failure.Daily || failure.RetryAfter > patience {
			return 0, false
		}
		pause = max(time.Second, failure.RetryAfter)
	case provider.Transient:
	default:
		return 0, false
	}
	return pause + rand.N(pause/2), true //nolint:gosec // spreads retries, keeps no secret
}

func (c *Client) getOnce(ctx context.Context, operation string, access secret.Text, target *url.URL, read func(io.Reader) error) *provider.Error {
	request := (&http.Request{
		Method: http.MethodGet,
		URL:    target,
		Host:   target.Host,
		Header: http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + access.Reveal()}},
	}).WithContext(ctx)
	response, err := c.http.Do(request)
	if err != nil {
		return networkFailure(operation, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return c.classifyAPI(operation, response)
	}
	body := &watched{reader: io.LimitReader(response.Body, maxBody)}
	if err := read(body); err != nil {
		if body.err != nil { // the connection broke: not what Zoom meant to say
			return networkFailure(operation, body.err)
		}
		if ours, ok := errors.AsType[*provider.Error](err); ok {
			return ours
		}
		return &provider.Error{Kind: provider.Malformed, Operation: operation, Status: response.StatusCode, Err: malformed(err)}
	}
	return nil
}

// getJSON reads one small object.
func (c *Client) getJSON(ctx context.Context, operation string, access secret.Text, path string, query url.Values, into any) error {
	target, err := c.endpoint(path, query)
	if err != nil {
		return &provider.Error{Kind: provider.Misconfigured, Operation: operation, Err: err}
	}
	return c.get(ctx, operation, access, target, nil, func(body io.Reader) error {
		return json.NewDecoder(body).Decode(into)
	})
}

// watched remembers why a body could not be read to its end.
type watched struct {
	reader io.Reader
	err    error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		w.err = err
	}
	return n, err
}

// malformed words a decoding error without repeating what was in the reply.
func malformed(err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	var value *valueError
	var text *jsontext.SyntacticError
	switch {
	case errors.As(err, &value):
		return value
	case errors.As(err, &typed):
		return errors.New("reply has a " + typed.Value + " where field " + typed.Field + " is expected")
	case errors.As(err, &syntax):
		return errors.New("reply is not JSON")
	case errors.Is(err, errTooLong):
		return errTooLong
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("reply ends early")
	case errors.As(err, &text):
		return fmt.Errorf("reply is not JSON at byte %d", text.ByteOffset)
	}
	return errors.New("reply cannot be read")
}
