package zoomwindow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// ErrNoConsentPage says that following an authorization URL led to something else
// than Zoom's consent page.
var ErrNoConsentPage = errors.New("no consent page")

// Browser is a person at a browser: it follows redirects, keeps cookies and fills in
// the consent page.
type Browser struct {
	// Stop, where set, names the addresses at which the person stops: they are
	// returned, not fetched. For portals that do not exist.
	Stop func(*url.URL) bool

	client *http.Client
}

// NewBrowser makes a browser without cookies.
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // fails only for options, and there are none
	return &Browser{client: &http.Client{
		// A transport of its own: httptest.Server.Close cuts the idle connections of
		// the default one under everybody.
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Approve opens an authorization URL, signs in as the admin with that e-mail, allows,
// and returns the address at which the redirects end.
func (b *Browser) Approve(ctx context.Context, authorizationURL, adminEmail string) (string, error) {
	return b.decide(ctx, authorizationURL, adminEmail, decisionAllow)
}

// Deny opens an authorization URL and declines.
func (b *Browser) Deny(ctx context.Context, authorizationURL string) (string, error) {
	return b.decide(ctx, authorizationURL, "", decisionDecline)
}

func (b *Browser) decide(ctx context.Context, authorizationURL, adminEmail, decision string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizationURL, nil)
	if err != nil {
		return "", fmt.Errorf("open authorization page: %w", err)
	}
	shown, err := b.follow(req)
	if err != nil {
		return "", fmt.Errorf("open authorization page: %w", err)
	}
	form, err := parseConsent(shown, adminEmail)
	if err != nil {
		return "", fmt.Errorf("read authorization page: %w", err)
	}
	form.fields.Set(fieldDecision, decision)
	req, err = http.NewRequestWithContext(ctx, http.MethodPost, form.action.String(), strings.NewReader(form.fields.Encode()))
	if err != nil {
		return "", fmt.Errorf("send decision: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	end, err := b.follow(req)
	if err != nil {
		return "", fmt.Errorf("send decision: %w", err)
	}
	if end.status >= http.StatusBadRequest {
		return end.url.String(), fmt.Errorf("send decision: ended at %s%s with status %d", end.url.Host, end.url.Path, end.status)
	}
	return end.url.String(), nil
}

// view is where a person ended up and what they see there.
type view struct {
	url    *url.URL
	status int
	body   string
}

const maxHops = 10

// follow sends a request and follows redirects as browsers do, with GET.
func (b *Browser) follow(req *http.Request) (view, error) {
	for range maxHops {
		resp, err := b.client.Do(req)
		if err != nil {
			return view{}, withoutURL(err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
		_ = resp.Body.Close() // nothing was written to it
		if err != nil {
			return view{}, fmt.Errorf("read page: %w", err)
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 || resp.Header.Get("Location") == "" {
			return view{req.URL, resp.StatusCode, string(body)}, nil
		}
		next, err := req.URL.Parse(resp.Header.Get("Location"))
		if err != nil {
			return view{}, errors.New("redirect to what is no address")
		}
		if b.Stop != nil && b.Stop(next) {
			return view{url: next}, nil
		}
		if req, err = http.NewRequestWithContext(req.Context(), http.MethodGet, next.String(), nil); err != nil {
			return view{}, errors.New("redirect to what is no address")
		}
	}
	return view{}, fmt.Errorf("more than %d redirects", maxHops)
}

// withoutURL drops the address from an error: a callback's has the code in it.
func withoutURL(err error) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", withURL.Op, withURL.Err)
	}
	return err
}

type consentForm struct {
	action *url.URL
	fields url.Values
}

// parseConsent reads the form as a person does: hidden fields stay, the account with
// the e-mail is chosen.
func parseConsent(v view, email string) (consentForm, error) {
	doc, err := html.Parse(strings.NewReader(v.body))
	if err != nil {
		return consentForm{}, fmt.Errorf("parse page: %w", err)
	}
	form := consentForm{fields: url.Values{}}
	chosen := email == ""
	for n := range doc.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "form" && attribute(n, "id") == "consent":
			if form.action, err = v.url.Parse(attribute(n, "action")); err != nil {
				return consentForm{}, fmt.Errorf("parse form: %w", err)
			}
		case n.Data == "input" && attribute(n, "type") == "hidden":
			form.fields.Set(attribute(n, "name"), attribute(n, "value"))
		case n.Data == "input" && attribute(n, "type") == "radio" && email != "" && strings.EqualFold(attribute(n, "data-email"), email):
			form.fields.Set(attribute(n, "name"), attribute(n, "value"))
			chosen = true
		}
	}
	if form.action == nil {
		return consentForm{}, fmt.Errorf("%w at %s%s: status %d", ErrNoConsentPage, v.url.Host, v.url.Path, v.status)
	}
	if !chosen {
		return consentForm{}, errors.New("no such admin on the page")
	}
	return form, nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
