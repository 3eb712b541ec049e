// Package gapmetrics shows to OpenTelemetry what is not harvested, and how far the budgets
// of requests reach. No metric names an account: `starter gaps` does.
package gapmetrics

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"callweave/internal/store"
)

const (
	// countEvery is how often the database is asked at most, however many scrape.
	countEvery = 30 * time.Second
	// tightest is how many accounts, those that have spent most of their budgets, forecasts are
	// made for.
	tightest = 20
	// countFor bounds a count, so that no scrape waits for long.
	countFor = 10 * time.Second
)

// Ledger is what is counted; [store.Store] is one.
type Ledger interface {
	GapCounts(ctx context.Context) ([]store.GapCount, error)
	CountAllDue(ctx context.Context, now time.Time) (int, error)
	TightBudgets(ctx context.Context, now time.Time, limit int) ([]store.Budget, error)
}

// gauges are the metrics with what was counted last.
type gauges struct {
	ledger Ledger
	now    func() time.Time

	gaps, age, due, quarantined, exhausted metric.Int64ObservableGauge
	used, until                            metric.Float64ObservableGauge

	mu      sync.Mutex
	counted time.Time
	counts  []store.GapCount
	dueNow  int
	budgets []store.Budget
}

// Register has a meter show a ledger. now is the clock, time.Now where it is nil.
func Register(meter metric.Meter, ledger Ledger, now func() time.Time) error {
	if now == nil {
		now = time.Now
	}
	g := &gauges{ledger: ledger, now: now}
	var err error
	for _, one := range []struct {
		gauge             *metric.Int64ObservableGauge
		name, unit, about string
	}{
		{&g.gaps, "callweave.gaps", "{gap}", "Windows that are not listed and meetings that are not read, by kind and cause"},
		{&g.age, "callweave.gaps.oldest.age", "s", "How long the oldest gap has been one, by kind"},
		{&g.due, "callweave.meetings.due", "{meeting}", "Meetings that are to be read now"},
		{&g.quarantined, "callweave.meetings.quarantined", "{meeting}", "Meetings that could not be read"},
		{&g.exhausted, "callweave.budget.exhausted", "{account}", "Accounts whose budget of requests is or will be spent before the day ends"},
	} {
		if *one.gauge, err = meter.Int64ObservableGauge(one.name, metric.WithUnit(one.unit), metric.WithDescription(one.about)); err != nil {
			return fmt.Errorf("metric %s: %w", one.name, err)
		}
	}
	g.used, err = meter.Float64ObservableGauge("callweave.budget.used", metric.WithUnit("1"),
		metric.WithDescription("Part of the day's budget of requests that is spent, of the account that has spent most of its own"))
	if err != nil {
		return fmt.Errorf("metric callweave.budget.used: %w", err)
	}
	g.until, err = meter.Float64ObservableGauge("callweave.budget.exhaustion", metric.WithUnit("s"),
		metric.WithDescription("Seconds until the first budget is spent; absent where none will be today"))
	if err != nil {
		return fmt.Errorf("metric callweave.budget.exhaustion: %w", err)
	}
	_, err = meter.RegisterCallback(g.observe, g.gaps, g.age, g.due, g.quarantined, g.exhausted, g.used, g.until)
	if err != nil {
		return fmt.Errorf("register metrics of gaps: %w", err)
	}
	return nil
}

// observe shows what was counted a moment ago, or counts. What cannot be counted is absent.
func (g *gauges) observe(ctx context.Context, o metric.Observer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if g.counted.IsZero() || now.Sub(g.counted) >= countEvery {
		if err := g.count(ctx, now); err != nil {
			return err
		}
	}
	quarantined, oldest := 0, map[string]time.Time{}
	byCause := map[[2]string]int{}
	for _, c := range g.counts {
		cause := c.Cause
		if cause == "" {
			cause = c.State // nothing went wrong yet
		}
		byCause[[2]string{c.Kind, cause}] += c.Gaps
		if at, ok := oldest[c.Kind]; !ok || c.Since.Before(at) {
			oldest[c.Kind] = c.Since
		}
		if c.State == store.MeetingQuarantined || c.State == store.MeetingGone {
			quarantined += c.Gaps
		}
	}
	for key, gaps := range byCause {
		o.ObserveInt64(g.gaps, int64(gaps), metric.WithAttributes(attribute.String("kind", key[0]), attribute.String("cause", key[1])))
	}
	for _, kind := range []string{"window", "meeting"} {
		age := int64(0)
		if at, ok := oldest[kind]; ok {
			age = max(0, int64(now.Sub(at)/time.Second))
		}
		o.ObserveInt64(g.age, age, metric.WithAttributes(attribute.String("kind", kind)))
	}
	o.ObserveInt64(g.due, int64(g.dueNow))
	o.ObserveInt64(g.quarantined, int64(quarantined))
	g.observeBudgets(o, now)
	return nil
}

func (g *gauges) observeBudgets(o metric.Observer, now time.Time) {
	used, exhausted := 0.0, 0
	var first time.Time
	for _, b := range g.budgets {
		used = max(used, b.Used)
		if b.ExhaustedAt.IsZero() {
			continue
		}
		exhausted++
		if first.IsZero() || b.ExhaustedAt.Before(first) {
			first = b.ExhaustedAt
		}
	}
	o.ObserveFloat64(g.used, used)
	o.ObserveInt64(g.exhausted, int64(exhausted))
	if !first.IsZero() {
		o.ObserveFloat64(g.until, max(0, first.Sub(now).Seconds()))
	}
}

func (g *gauges) count(ctx context.Context, now time.Time) (err error) {
	ctx, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	if g.counts, err = g.ledger.GapCounts(ctx); err != nil {
		return err
	}
	if g.dueNow, err = g.ledger.CountAllDue(ctx, now); err != nil {
		return err
	}
	if g.budgets, err = g.ledger.TightBudgets(ctx, now, tightest); err != nil {
		return err
	}
	g.counted = now
	return nil
}
