package zoom

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"callweave/internal/provider"
	"callweave/internal/utcday"
)

// The categories of Zoom's rate limits guide that the dashboard's endpoints are in. Both
// are charged to one daily quota of the account.
const (
	Heavy             = "heavy"
	ResourceIntensive = "resource_intensive"
)

// Limits are the rates a client keeps to, per account.
type Limits struct {
	HeavyPerSecond             float64
	HeavyBurst                 int
	ResourceIntensivePerMinute float64
	ResourceIntensiveBurst     int
}

// BusinessLimits keep under what Zoom allows an account of a plan that has the dashboard:
// 40 heavy requests a second and 20 resource-intensive ones a minute (rate limits guide).
// Burst and rate of one period together stay within it, and leave some to other apps,
// because the limits are shared by all apps of an account.
func BusinessLimits() Limits {
	return Limits{HeavyPerSecond: 28, HeavyBurst: 8, ResourceIntensivePerMinute: 12, ResourceIntensiveBurst: 6}
}

// pace holds one limiter per account and category.
type pace struct {
	limits   Limits
	mu       sync.Mutex
	limiters map[paceKey]*rate.Limiter
}

type paceKey struct{ account, category string }

func newPace(limits Limits) *pace {
	return &pace{limits: limits, limiters: map[paceKey]*rate.Limiter{}}
}

// wait blocks until the account may send one more request of the category.
func (p *pace) wait(ctx context.Context, account, category string) error {
	if err := p.limiter(paceKey{account, category}).Wait(ctx); err != nil {
		return fmt.Errorf("wait for the account's turn: %w", err)
	}
	return nil
}

func (p *pace) limiter(key paceKey) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter := p.limiters[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(p.limits.HeavyPerSecond), p.limits.HeavyBurst)
		if key.category == ResourceIntensive {
			limiter = rate.NewLimiter(rate.Limit(p.limits.ResourceIntensivePerMinute/60), p.limits.ResourceIntensiveBurst)
		}
		p.limiters[key] = limiter
	}
	return limiter
}

// classifyRate fills in what a 429 means. Zoom's headers are not always sent, so the
// text decides as well; a daily limit without a time lasts until 00:00 UTC, when Zoom
// counts anew.
func classifyRate(failure *provider.Error, header http.Header, text string, now time.Time) {
	failure.Kind = provider.RateLimited
	failure.Daily = strings.Contains(strings.ToLower(header.Get("X-RateLimit-Type")+" "+text), "daily")
	failure.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	if failure.Daily && failure.RetryAfter == 0 {
		failure.RetryAfter = UntilReset(now)
	}
}

// UntilReset is how long it takes until Zoom's daily quotas begin anew: at 00:00 UTC.
func UntilReset(now time.Time) time.Duration {
	return utcday.Next(now).Sub(now)
}

// retryAfter reads seconds, an HTTP date (RFC 9110 §10.2.3) or, as Zoom writes it, an ISO
// 8601 time; 0 where it is none of these or past.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if seconds > 0 && seconds < 1e6 {
			return time.Duration(seconds * float64(time.Second))
		}
		return 0
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		at, err = http.ParseTime(value)
	}
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
