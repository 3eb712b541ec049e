package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// Purse holds requests of an account that were charged together, before anybody sends
// them: what several meetings are known to cost takes one statement. What is not needed
// goes back by [Purse.Return]; where a process dies before, it stays counted, so that more
// is counted than was sent and never less. Safe for concurrent use.
type Purse struct {
	meter    *Meter
	ref      provider.AccountRef
	category string

	mu   sync.Mutex
	left int
	day  time.Time // that they were charged to
}

// NewPurse makes an empty purse. now is the clock, time.Now where it is nil.
func (s *Store) NewPurse(ref provider.AccountRef, category string, now func() time.Time) *Purse {
	return &Purse{meter: NewMeter(s, now), ref: ref, category: category}
}

// Fill charges what the purse lacks of n requests, as [Meter.Reserve] does and with its errors.
// Then it lacks none, or holds what it held.
func (p *Purse) Fill(ctx context.Context, n int) error {
	today := utcday.Of(p.meter.now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left > 0 && !p.day.Equal(today) {
		if err := p.refund(ctx); err != nil {
			return err
		}
	}
	if p.left >= n {
		return nil
	}
	if err := p.meter.charge(ctx, p.ref, p.category, n-p.left, today); err != nil {
		return err
	}
	p.left, p.day = n, today
	return nil
}

// Draw takes n requests out of the purse, or as many as there are; for a context of
// [Prepaid.In].
func (p *Purse) Draw(n int) *Prepaid {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, p.left)
	p.left -= n
	return &Prepaid{ref: p.ref, category: p.category, left: n, day: p.day}
}

// PutBack takes back what is left of what was drawn. Over midnight it is not: it stays
// counted on the day that has passed.
func (p *Purse) PutBack(drawn *Prepaid) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.day.Equal(drawn.day) {
		p.left += drawn.Left()
	}
}

// Return gives back what was charged and nobody sent.
func (p *Purse) Return(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refund(ctx)
}

func (p *Purse) refund(ctx context.Context) error {
	err := p.meter.store.refund(ctx, p.ref, p.day, p.category, p.left)
	if err == nil {
		p.left = 0
	}
	return err
}

// refund gives back requests that were charged to a day.
func (s *Store) refund(ctx context.Context, ref provider.AccountRef, day time.Time, category string, n int) error {
	if n == 0 {
		return nil
	}
	err := s.queries().RefundRequests(ctx, db.RefundRequestsParams{
		Requests: int64(n), Provider: string(ref.Provider), AccountID: ref.AccountID, Day: day, Category: category,
	})
	if err != nil {
		return fmt.Errorf("refund requests of %s: %w", ref, err)
	}
	return nil
}
