package zoomwindow

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"callweave/internal/world"
)

// Plan is a Zoom plan, as far as limits and the dashboard tell plans apart.
type Plan string

// The plans. Only Business and above have the dashboard.
const (
	PlanBusiness Plan = ""
	PlanPro      Plan = "pro"
	PlanFree     Plan = "free"
)

// Category is a rate limit category of Zoom's rate limits guide.
type Category string

// The categories of the endpoints served here.
const (
	Light             Category = "Light"
	Heavy             Category = "Heavy"
	ResourceIntensive Category = "Resource-intensive"
)

// Limits are the rate limits of an account, shared by all its apps. Zero is no limit.
type Limits struct {
	LightPerSecond             int
	HeavyPerSecond             int
	ResourceIntensivePerMinute int
	DailyHeavy                 int // Heavy and Resource-intensive together, from 00:00 UTC
}

// PlanLimits are the figures of Zoom's rate limits guide.
func PlanLimits(p Plan) Limits {
	switch p {
	case PlanFree:
		return Limits{LightPerSecond: 4, HeavyPerSecond: 1, ResourceIntensivePerMinute: 10, DailyHeavy: 1_000}
	case PlanPro:
		return Limits{LightPerSecond: 30, HeavyPerSecond: 10, ResourceIntensivePerMinute: 10, DailyHeavy: 30_000}
	default:
		return Limits{LightPerSecond: 80, HeavyPerSecond: 40, ResourceIntensivePerMinute: 20, DailyHeavy: 60_000}
	}
}

// refusal is a limit that was reached.
type refusal struct {
	category Category
	daily    bool
	limit    int
	resetAt  time.Time
}

// counter counts within one fixed window of time.
type counter struct {
	window time.Time
	n      int
}

// at moves the counter to the window that now is in.
func (c *counter) at(now time.Time, size time.Duration) *counter {
	if window := now.UTC().Truncate(size); !window.Equal(c.window) {
		*c = counter{window: window}
	}
	return c
}

// Daily windows begin at 00:00 UTC because time.Truncate counts from a UTC midnight.
const day = 24 * time.Hour

// usage is what an account has used of its limits.
type usage struct {
	light, heavy, intensive, daily counter
}

type limiter struct {
	mu       sync.Mutex
	accounts map[string]*usage
}

func newLimiter() *limiter { return &limiter{accounts: map[string]*usage{}} }

func (l *limiter) usage(accountID string) *usage {
	u, ok := l.accounts[accountID]
	if !ok {
		u = &usage{}
		l.accounts[accountID] = u
	}
	return u
}

// take spends one request. A refused request costs nothing.
func (l *limiter) take(accountID string, c Category, limits Limits, now time.Time) *refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.usage(accountID)
	var short *counter
	size, limit := time.Second, 0
	switch c {
	case Light:
		short, limit = &u.light, limits.LightPerSecond
	case Heavy:
		short, limit = &u.heavy, limits.HeavyPerSecond
	case ResourceIntensive:
		short, size, limit = &u.intensive, time.Minute, limits.ResourceIntensivePerMinute
	}
	short.at(now, size)
	u.daily.at(now, day)
	if c != Light && limits.DailyHeavy > 0 && u.daily.n >= limits.DailyHeavy {
		return &refusal{category: c, daily: true, limit: limits.DailyHeavy, resetAt: u.daily.window.Add(day)}
	}
	if limit > 0 && short.n >= limit {
		return &refusal{category: c, limit: limit, resetAt: short.window.Add(size)}
	}
	short.n++
	if c != Light {
		u.daily.n++
	}
	return nil
}

// ConsumeQuota is another app of the account spending n of its daily quota.
func (w *Window) ConsumeQuota(a *world.Account, n int) {
	w.limits.mu.Lock()
	defer w.limits.mu.Unlock()
	w.limits.usage(a.ID).daily.at(w.cfg.Now(), day).n += n
}

// QuotaUsed is what all apps have spent of an account's daily quota since 00:00 UTC.
func (w *Window) QuotaUsed(a *world.Account) int {
	w.limits.mu.Lock()
	defer w.limits.mu.Unlock()
	return w.limits.usage(a.ID).daily.at(w.cfg.Now(), day).n
}

func (w *Window) limitsOf(accountID string) Limits {
	if w.cfg.Limits != nil {
		return *w.cfg.Limits
	}
	return PlanLimits(w.settings.account(accountID).Plan)
}

// The texts of 429 bodies, as reported from live replies.
const (
	perSecondText = "You have reached the maximum per-second rate limit for this API. Try again later."
	perMinuteText = "You have reached the maximum per-minute rate limit for this API. Try again later."
	dailyText     = "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request."
)

func (w *Window) refusalReply(f *refusal) reply {
	var rep reply
	switch {
	case f.daily:
		rep = apiErrorReply(http.StatusTooManyRequests, 429, dailyText)
	case f.category == ResourceIntensive:
		rep = apiErrorReply(http.StatusTooManyRequests, w.cfg.Replies.QPSCode, perMinuteText)
	default:
		rep = apiErrorReply(http.StatusTooManyRequests, w.cfg.Replies.QPSCode, perSecondText)
	}
	if w.cfg.Replies.Headers == HeadersAll {
		kind := "QPS"
		if f.daily {
			kind = "Daily-limit"
		}
		rep.header.Set("X-Ratelimit-Type", kind)
		rep.header.Set("X-Ratelimit-Limit", strconv.Itoa(f.limit))
		rep.header.Set("X-Ratelimit-Remaining", "0")
		rep.header.Set("X-Ratelimit-Reset", f.resetAt.UTC().Format(time.RFC3339))
	}
	setRetryAfter(rep.header, w.cfg.Replies.RetryAfter, w.cfg.Now(), f.resetAt)
	return rep
}

func setRetryAfter(h http.Header, format RetryAfterFormat, now, at time.Time) {
	switch format {
	case RetryAfterNone:
	case RetryAfterISO:
		h.Set("Retry-After", at.UTC().Format(time.RFC3339))
	case RetryAfterHTTP:
		h.Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case RetryAfterSeconds:
		h.Set("Retry-After", strconv.Itoa(int((at.Sub(now)+time.Second-1)/time.Second)))
	}
}
