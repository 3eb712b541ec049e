package access

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"
)

// RequestsPerHour is how many API calls a token may make, as in the network's own API
// (Mist: 5,000 calls an hour per token).
const RequestsPerHour = 5000

// Quota limits the requests of each token within this process. Safe for concurrent use.
type Quota struct {
	mu     sync.Mutex
	tokens map[uuid.UUID]*rate.Limiter // known tokens only: as many as there are rows
}

// NewQuota builds a quota in which nothing is spent.
func NewQuota() *Quota { return &Quota{tokens: map[uuid.UUID]*rate.Limiter{}} }

// Spend takes one request, or says after which time there is one again.
func (q *Quota) Spend(token uuid.UUID, now time.Time) (wait time.Duration, ok bool) {
	q.mu.Lock()
	limiter, known := q.tokens[token]
	if !known {
		limiter = rate.NewLimiter(rate.Limit(float64(RequestsPerHour)/time.Hour.Seconds()), RequestsPerHour)
		q.tokens[token] = limiter
	}
	q.mu.Unlock()
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	return time.Hour / RequestsPerHour, false
}
