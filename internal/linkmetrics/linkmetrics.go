// Package linkmetrics shows to OpenTelemetry how links are: how old their data is, what their
// credentials are worth, and which erasures are not over. No metric names an account or an
// org: `starter link list` and `starter receipts` do.
package linkmetrics

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
	// countFor bounds a count, so that no scrape waits for long.
	countFor = 10 * time.Second
)

// limits are the ages that accounts are counted beyond; an age per account would be a series
// per account.
func limits() (store.AgeLimits, [len(store.AgeLimits{})]string) {
	return store.AgeLimits{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}, [...]string{"15m", "1h", "6h", "24h"}
}

// Links is what is counted; [store.Store] is one.
type Links interface {
	DataAges(ctx context.Context, now time.Time, limits store.AgeLimits) ([]store.DataAge, error)
	LinkCounts(ctx context.Context) (map[string]int, error)
	CredentialCounts(ctx context.Context) (map[string]int, error)
	UnfinishedErasures(ctx context.Context) ([]store.UnfinishedErasure, error)
}

// gauges are the metrics with what was counted last.
type gauges struct {
	source Links
	now    func() time.Time

	age, sources, stale, links, credentials, erasures, erasureAge metric.Int64ObservableGauge

	mu         sync.Mutex
	counted    time.Time
	ages       []store.DataAge
	byStatus   map[string]int
	byVerdict  map[string]int
	unfinished []store.UnfinishedErasure
}

// Register has a meter show links. now is the clock, time.Now where it is nil.
func Register(meter metric.Meter, source Links, now func() time.Time) error {
	if now == nil {
		now = time.Now
	}
	g := &gauges{source: source, now: now}
	for _, one := range []struct {
		gauge             *metric.Int64ObservableGauge
		name, unit, about string
	}{
		{&g.age, "callweave.data.age", "s", "How old the oldest data is: time since the last success, by kind (active and failed accounts, networks)"},
		{&g.sources, "callweave.data.sources", "{source}", "Accounts and networks that data comes from, by kind"},
		{&g.stale, "callweave.data.stale", "{source}", "Accounts and networks whose data is older than a limit, by kind"},
		{&g.links, "callweave.links", "{link}", "Links by status"},
		{&g.credentials, "callweave.credentials", "{credential}", "Credentials by the provider's last verdict"},
		{&g.erasures, "callweave.erasures.unfinished", "{erasure}", "Erasures that are not over, by what is left (rows, token, histories)"},
		{&g.erasureAge, "callweave.erasures.age", "s", "How long ago the oldest of them was asked for"},
	} {
		var err error
		if *one.gauge, err = meter.Int64ObservableGauge(one.name, metric.WithUnit(one.unit), metric.WithDescription(one.about)); err != nil {
			return fmt.Errorf("metric %s: %w", one.name, err)
		}
	}
	_, err := meter.RegisterCallback(g.observe, g.age, g.sources, g.stale, g.links, g.credentials, g.erasures, g.erasureAge)
	if err != nil {
		return fmt.Errorf("register metrics of links: %w", err)
	}
	return nil
}

// observe shows what was counted a moment ago, or counts. What cannot be counted is absent;
// what is none is 0, so that an alert can tell the two.
func (g *gauges) observe(ctx context.Context, o metric.Observer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if g.counted.IsZero() || now.Sub(g.counted) >= countEvery {
		if err := g.count(ctx, now); err != nil {
			return err
		}
	}
	g.observeAges(o, now)
	for _, status := range []string{"active", "failed", "unlinking"} {
		o.ObserveInt64(g.links, int64(g.byStatus[status]), metric.WithAttributes(attribute.String("status", status)))
	}
	for verdict, credentials := range g.byVerdict {
		o.ObserveInt64(g.credentials, int64(credentials), metric.WithAttributes(attribute.String("verdict", verdict)))
	}
	left := map[string]store.UnfinishedErasure{}
	for _, u := range g.unfinished {
		left[u.Stage] = u
	}
	for _, stage := range []string{"rows", "token", "histories"} {
		u, with := left[stage], metric.WithAttributes(attribute.String("stage", stage))
		o.ObserveInt64(g.erasures, int64(u.Erasures), with)
		o.ObserveInt64(g.erasureAge, seconds(now, u.Since), with)
	}
	return nil
}

func (g *gauges) observeAges(o metric.Observer, now time.Time) {
	byKind := map[string]store.DataAge{}
	for _, age := range g.ages {
		byKind[age.Kind] = age
	}
	_, names := limits()
	for _, kind := range []string{store.AgeOfActive, store.AgeOfFailed, store.AgeOfNetworks} {
		age, of := byKind[kind], attribute.String("kind", kind)
		o.ObserveInt64(g.age, seconds(now, age.Oldest), metric.WithAttributes(of))
		o.ObserveInt64(g.sources, int64(age.Count), metric.WithAttributes(of))
		for i, name := range names {
			o.ObserveInt64(g.stale, int64(age.Older[i]), metric.WithAttributes(of, attribute.String("older_than", name)))
		}
	}
}

// seconds are those since a time, 0 where there was none.
func seconds(now, since time.Time) int64 {
	if since.IsZero() {
		return 0
	}
	return max(0, int64(now.Sub(since)/time.Second))
}

func (g *gauges) count(ctx context.Context, now time.Time) (err error) {
	ctx, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	bounds, _ := limits()
	if g.ages, err = g.source.DataAges(ctx, now, bounds); err != nil {
		return err
	}
	if g.byStatus, err = g.source.LinkCounts(ctx); err != nil {
		return err
	}
	if g.byVerdict, err = g.source.CredentialCounts(ctx); err != nil {
		return err
	}
	if g.unfinished, err = g.source.UnfinishedErasures(ctx); err != nil {
		return err
	}
	g.counted = now
	return nil
}
