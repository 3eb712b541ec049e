// Package mist reads device data from the Juniper Mist cloud: sites, clients,
// sessions, devices, ports and insights, and gives it in the neutral model of
// package network. [Client] has one method per endpoint; [Source] composes them for
// one org.
//
// The cloud allows 5,000 calls per hour and token (Juniper Mist, "REST API HTTP
// Response Codes"). The client spends a call per page and retries nothing: whoever
// calls it decides, by the class of the error.
package mist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"callweave/internal/secret"
)

// pageLimit is the most rows of a page (Juniper Mist, "REST API Pagination").
const pageLimit = 1000

// maxAnswerBytes bounds what is read of one answer: a page of 1,000 devices with all
// their statistics is about 10 MB.
const maxAnswerBytes = 64 << 20

// Config configures a [Client].
type Config struct {
	// BaseURL is the cloud's API host, e.g. https://api.mist.com. Required.
	BaseURL string
	// Token is an API token of the org. Required.
	Token secret.Text
	// HTTP sends the requests; nil means a client with a timeout of 30 s.
	HTTP *http.Client
}

// Client reads from one Mist cloud with one token. It is safe for concurrent use.
type Client struct {
	base *url.URL
	// authorization is a function because fmt prints what unexported fields hold,
	// without asking them, and a function prints as an address.
	authorization func() string
	http          *http.Client
}

// New returns a client. It does not connect.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "https" && base.Scheme != "http") || base.User != nil {
		return nil, errors.New("mist: base URL: want https://host")
	}
	if cfg.Token.IsZero() {
		return nil, errors.New("mist: token is missing")
	}
	sender := &http.Client{Timeout: 30 * time.Second}
	if cfg.HTTP != nil {
		*sender = *cfg.HTTP
	}
	// The API redirects nobody; following one could carry the token elsewhere.
	sender.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	authorization := func() string { return "Token " + cfg.Token.Reveal() }
	return &Client{base: base, authorization: authorization, http: sender}, nil
}

// answer is what matters of a reply beside its body.
type answer struct {
	header http.Header
	at     time.Time // the cloud's clock
}

// get reads one JSON answer into out. operation names it in errors.
func (c *Client) get(ctx context.Context, operation, path string, query url.Values, out any) (answer, error) {
	target := c.base.JoinPath(path)
	target.RawQuery = query.Encode()
	return c.getURL(ctx, operation, target, out)
}

func (c *Client) getURL(ctx context.Context, operation string, target *url.URL, out any) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("mist: %s: build request: %w", operation, err)
	}
	req.Header.Set("Authorization", c.authorization())
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, transportError(ctx, operation, err)
	}
	defer func() { _ = resp.Body.Close() }()
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		at = time.Now()
	}
	if resp.StatusCode != http.StatusOK {
		// A read body lets the connection be used again.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
		return answer{}, statusError(operation, resp, at)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return answer{}, transportError(ctx, operation, err)
	}
	if len(body) > maxAnswerBytes {
		return answer{}, malformed(operation, resp.StatusCode, errors.New("answer is too long"))
	}
	if err := json.Unmarshal(body, out); err != nil {
		return answer{}, malformed(operation, resp.StatusCode, errUnreadable)
	}
	return answer{header: resp.Header, at: at.UTC()}, nil
}
