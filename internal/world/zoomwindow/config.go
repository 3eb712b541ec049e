package zoomwindow

import "time"

// Config says how strict and how late the window is. Its zero value, with at least
// one client, is Zoom as documented for a Business account.
type Config struct {
	Clients []Client

	// BaseURL is what the api_url of a token reply says, without a path. Default:
	// the host the token request was sent to.
	BaseURL string

	// Now is the window's clock. Default [time.Now].
	Now func() time.Time

	// Changed, where set, is called after every change of what [Window.Save] writes,
	// before the reply leaves: a world that is killed loses no token it gave away.
	Changed func()

	// Accounts holds what differs from the defaults, by account id.
	Accounts map[string]AccountOptions

	// Limits replaces the rate limits of every account's plan.
	Limits *Limits

	OAuth   OAuthOptions
	Lags    Lags
	Replies ReplyOptions
}

// Client is one app of the Zoom Marketplace.
type Client struct {
	ID           string
	Secret       string
	RedirectURIs []string // compared byte for byte
	Scopes       []string // classic or granular, as the app is configured; returned as they are

	WebhookURL    string
	WebhookSecret string
	Published     bool // only published apps are told of a deauthorization
}

// OAuthOptions are the lifetimes of what the OAuth endpoints issue. A zero duration
// means Zoom's own figure.
type OAuthOptions struct {
	CodeLife    time.Duration // 5 minutes (Zoom error 4733)
	AccessLife  time.Duration // 1 hour
	RefreshLife time.Duration // 90 days

	// RefreshGrace is how long the refresh token before the current one still
	// works. Documentation says not at all, which is the default; at the live
	// service it was seen to work for a while.
	RefreshGrace time.Duration
	// RefreshTolerance, when positive, is how often a rotated refresh token may be
	// used within its grace before error 4740, as tokens of version 7 do.
	RefreshTolerance int
	// AccessGrace is how long the access token before the current one still works.
	// Default: it dies with the refresh.
	AccessGrace time.Duration

	// NoErrorCodes leaves the number of Zoom's error table out of the token
	// endpoint's bodies: then reason and error are all there is.
	NoErrorCodes bool
	// OldErrors answers a dead refresh token as before 2022: 401 invalid_request.
	OldErrors bool
}

// AccountOptions are the settings of one Zoom account.
type AccountOptions struct {
	Plan Plan // default PlanBusiness

	DashboardOff  bool // 400, code 200
	RefuseEndTime bool // query_date_type=end_time: 400, code 12700
	// BlankPersonal is an account without a signed HIPAA agreement: names, e-mails,
	// addresses and locations of participants are blank.
	BlankPersonal bool
}

// Lags are the delays between something happening and the dashboard showing it.
// Zoom documents none of them. Zero is the default, negative is none.
type Lags struct {
	List      time.Duration // a meeting is listed as past this long after its end; default 1 minute
	Settle    time.Duration // all samples are there this long after the end; default 15 minutes
	Unsettled time.Duration // until then this much of the meeting's tail is missing; default 3 minutes
}

// ReplyOptions vary what is known to vary between accounts and times.
type ReplyOptions struct {
	Headers    HeaderSet
	RetryAfter RetryAfterFormat
	// QPSCode is the code in the body of a per-second 429: 429 (default) or 4001.
	QPSCode int
	// SeparatePastOne has type=past find no meeting of one attendee, in the meeting's
	// detail and participants as in the lists. Zoom documents pastOne for them, too,
	// but not whether past finds nothing.
	SeparatePastOne bool
}

// HeaderSet says which X-RateLimit headers are sent.
type HeaderSet string

// The header sets: the guide of today lists none and a live reply carried the
// category only; the older guide lists all.
const (
	HeadersCategory HeaderSet = ""
	HeadersNone     HeaderSet = "none"
	HeadersAll      HeaderSet = "all"
)

// RetryAfterFormat says how a 429 writes Retry-After.
type RetryAfterFormat string

// The formats. Real daily 429 replies came without the header; the guide shows an
// ISO 8601 date-time, which RFC 9110 does not know.
const (
	RetryAfterNone    RetryAfterFormat = ""
	RetryAfterISO     RetryAfterFormat = "iso"
	RetryAfterHTTP    RetryAfterFormat = "http-date"
	RetryAfterSeconds RetryAfterFormat = "seconds"
)

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.OAuth.CodeLife, 5*time.Minute)
	setDefault(&c.OAuth.AccessLife, time.Hour)
	setDefault(&c.OAuth.RefreshLife, 90*24*time.Hour)
	setDefault(&c.Lags.List, time.Minute)
	setDefault(&c.Lags.Settle, 15*time.Minute)
	setDefault(&c.Lags.Unsettled, 3*time.Minute)
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Replies.QPSCode == 0 {
		c.Replies.QPSCode = 429
	}
	return c
}

// setDefault replaces zero by the default and negative by none.
func setDefault(d *time.Duration, value time.Duration) {
	switch {
	case *d == 0:
		*d = value
	case *d < 0:
		*d = 0
	}
}
