package zoomwindow

import (
	"cmp"
	"slices"
	"sync"
)

// Count is how many requests to one endpoint were answered with one status.
type Count struct {
	AccountID string   `json:"account_id"` // "" where the token was no good
	Category  Category `json:"category"`
	Endpoint  string   `json:"endpoint"` // e.g. "GET /metrics/meetings/{meetingId}/participants/qos"
	Status    int      `json:"status"`   // 0 where the client went away first
	Requests  int      `json:"requests"`
}

type countKey struct {
	accountID string
	category  Category
	endpoint  string
	status    int
}

// ledger counts API requests.
type ledger struct {
	mu     sync.Mutex
	counts map[countKey]int
}

func newLedger() *ledger { return &ledger{counts: map[countKey]int{}} }

func (l *ledger) add(k countKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[k]++
}

// Requests returns what was asked of the API since the window was made, sorted.
func (w *Window) Requests() []Count {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	counts := make([]Count, 0, len(w.ledger.counts))
	for k, n := range w.ledger.counts {
		counts = append(counts, Count{k.accountID, k.category, k.endpoint, k.status, n})
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Status, b.Status))
	})
	return counts
}

// Metered sums the requests of an account that count against its daily quota
// (Heavy and Resource-intensive), whatever they were answered, except refusals.
func (w *Window) Metered(accountID string) int {
	total := 0
	for _, c := range w.Requests() {
		if c.AccountID == accountID && c.Category != Light && c.Status != 429 {
			total += c.Requests
		}
	}
	return total
}
