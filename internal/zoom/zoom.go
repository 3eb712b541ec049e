// Package zoom speaks to Zoom: OAuth 2.0 with PKCE, and the dashboard's lists of ended
// meetings, their participants and their quality of service minute by minute.
//
// It implements [provider.Service]. Everything Zoom writes as text with a unit becomes a
// number here, in the unit that the name of its field says; what Zoom leaves out stays
// unknown. Sources of the rules are Zoom's own: the OpenAPI document of the meeting API,
// the guides "OAuth error messages" and "Rate limits", and the changelog.
package zoom

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"callweave/internal/provider"
	"callweave/internal/secret"
)

// Where Zoom is, unless the configuration says otherwise.
const (
	DefaultOAuthURL = "https://zoom.us/oauth"
	DefaultAPIURL   = "https://api.zoom.us/v2"
)

// requestTimeout bounds one request, body included, where the caller's HTTP client has
// no timeout of its own. A page of ten long legs is several megabytes.
const requestTimeout = 60 * time.Second

// Config is what a client needs.
type Config struct {
	ClientID     string
	ClientSecret secret.Text
	RedirectURL  string           // exactly as registered with the app
	OAuthURL     string           // default [DefaultOAuthURL]
	APIURL       string           // default [DefaultAPIURL]
	HTTP         *http.Client     // default: one with a timeout of a minute
	Meter        provider.Meter   // asked before every dashboard request; nil: nothing is counted
	Limits       *Limits          // default [BusinessLimits]
	Now          func() time.Time // default time.Now
}

// Client is a client of Zoom for one app. Safe for concurrent use.
type Client struct {
	config Config
	oauth  oauth2.Config
	http   *http.Client
	pace   *pace

	readers sync.Pool // of *reader: a page is read in the memory of another one
}

var (
	_ provider.Service     = (*Client)(nil)
	_ provider.LiveService = (*Client)(nil)
)

// New builds a client. It sends nothing.
func New(config Config) *Client {
	if config.OAuthURL == "" {
		config.OAuthURL = DefaultOAuthURL
	}
	if config.APIURL == "" {
		config.APIURL = DefaultAPIURL
	}
	config.OAuthURL = strings.TrimRight(config.OAuthURL, "/")
	config.APIURL = strings.TrimRight(config.APIURL, "/")
	if config.Now == nil {
		config.Now = time.Now
	}
	limits := BusinessLimits()
	if config.Limits != nil {
		limits = *config.Limits
	}
	httpClient := http.Client{}
	if config.HTTP != nil {
		httpClient = *config.HTTP
	}
	if httpClient.Timeout == 0 {
		httpClient.Timeout = requestTimeout
	}
	// Zoom redirects no API call. One that does is not Zoom, and gets no credentials.
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	return &Client{
		config:  config,
		http:    &httpClient,
		pace:    newPace(limits),
		readers: sync.Pool{New: func() any { return newReader(nil) }},
		oauth: oauth2.Config{
			ClientID:     config.ClientID,
			ClientSecret: config.ClientSecret.Reveal(),
			RedirectURL:  config.RedirectURL,
			Endpoint: oauth2.Endpoint{
				AuthURL:   config.OAuthURL + "/authorize",
				TokenURL:  config.OAuthURL + "/token",
				AuthStyle: oauth2.AuthStyleInHeader,
			},
		},
	}
}

// Name implements [provider.Service].
func (c *Client) Name() provider.Name { return provider.Zoom }

// Requirements implements [provider.Service]. Apps made before March 2024 have classic
// scopes, newer ones granular scopes; a token lists whichever its app has, so either
// form is accepted.
func (c *Client) Requirements() []provider.Requirement {
	quality := "Reads who was in a meeting and how good audio and video were, minute by minute, to find out why a call was bad."
	return []provider.Requirement{
		{
			Feature: provider.FeatureMeetings,
			AnyOf:   []string{"dashboard_meetings:read:admin", "dashboard:read:admin", "dashboard:read:list_meetings:admin", "dashboard:read:list_meetings:master"},
			Reason:  "Lists ended meetings, so that their quality can be read.",
		},
		{
			Feature: provider.FeatureParticipants,
			AnyOf:   []string{"dashboard_meetings:read:admin", "dashboard:read:list_meeting_participants:admin", "dashboard:read:list_meeting_participants:master"},
			Reason:  quality,
		},
		{
			Feature: provider.FeatureQuality,
			AnyOf:   []string{"dashboard_meetings:read:admin", "dashboard:read:list_meeting_participants_qos:admin", "dashboard:read:list_meeting_participants_qos:master"},
			Reason:  quality,
		},
		{
			Feature: provider.FeatureAccount,
			AnyOf:   []string{"user:read:admin", "user:read", "user_info:read", "user:read:user:admin", "user:read:user:master", "user:read:user"},
			Reason:  "Tells which Zoom account was linked, and by which administrator.",
		},
	}
}

// AuthorizationURL implements [provider.Service]. Zoom takes the scopes from the app's
// registration, so none are named.
func (c *Client) AuthorizationURL(state string, verifier secret.Text) string {
	return c.oauth.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier.Reveal()))
}

// endpoint builds the URL of an API path whose segments are already escaped.
func (c *Client) endpoint(escapedPath string, query url.Values) (*url.URL, error) {
	target, err := url.Parse(c.config.APIURL + escapedPath)
	if err != nil { // its own text repeats the URL
		return nil, errors.New("the API URL is not a URL")
	}
	target.RawQuery = query.Encode()
	return target, nil
}
