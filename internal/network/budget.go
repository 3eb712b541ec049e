package network

import "time"

// Budget is the state of a source's request allowance.
type Budget struct {
	Limit   int           // requests per period
	Used    int           // in the current period
	Period  time.Duration // length of a period
	ResetIn time.Duration // until the current period ends; 0 where unknown
}

// PollInterval is how often requestsPerPoll can be spent without taking more than
// share (0..1) of the budget, and never more often than floor. The rest of the
// budget stays for histories and for the other users of the token.
func (b Budget) PollInterval(requestsPerPoll int, share float64, floor time.Duration) time.Duration {
	if b.Limit <= 0 || b.Period <= 0 || share <= 0 || requestsPerPoll <= 0 {
		return floor
	}
	polls := share * float64(b.Limit) / float64(requestsPerPoll)
	interval := time.Duration(float64(b.Period) / polls).Round(time.Second)
	return max(interval, floor)
}
