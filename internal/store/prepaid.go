package store

import (
	"context"
	"sync"
	"time"

	"callweave/internal/provider"
)

// Prepaid are requests of an account that were charged before anybody knew which ones they
// would be. A [Meter] takes from them first, within a context of [WithPrepaid].
type Prepaid struct {
	ref      provider.AccountRef
	category string
	day      time.Time // that they were charged to; zero: today, whenever that is

	mu    sync.Mutex
	left  int
	spent int
}

type prepaidKey struct{}

// WithPrepaid gives a context n requests that are charged already.
func WithPrepaid(ctx context.Context, ref provider.AccountRef, category string, n int) (context.Context, *Prepaid) {
	p := &Prepaid{ref: ref, category: category, left: n}
	return p.In(ctx), p
}

// In gives the requests to a context.
func (p *Prepaid) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, prepaidKey{}, p)
}

// prepaidOf returns what a context has for an account; nil where it has nothing.
func prepaidOf(ctx context.Context, ref provider.AccountRef) *Prepaid {
	p, _ := ctx.Value(prepaidKey{}).(*Prepaid)
	if p == nil || p.ref != ref {
		return nil
	}
	return p
}

// take reports whether n requests of a day were charged already; then they are not any more.
func (p *Prepaid) take(category string, n int, day time.Time) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.category != category || p.left < n || !p.day.IsZero() && !p.day.Equal(day) {
		return false
	}
	p.left -= n
	p.spent += n
	return true
}

// beside counts n requests that were charged when they were asked for.
func (p *Prepaid) beside(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent += n
}

// Left is how many were not needed.
func (p *Prepaid) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}

// Spent is how many requests of the account were granted in the context, prepaid or not.
func (p *Prepaid) Spent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spent
}
