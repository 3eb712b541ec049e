// Package collect reads an org's network and keeps what weaving needs of it: leases
// (which client had which address and access point, and when) and samples of clients,
// radios and uplinks, each with the interval it speaks for.
//
// A poll takes snapshots and turns them into intervals with the help of the poll before
// it. The first poll, and one after an outage, fills the past from the network's own
// histories. A poll lands whole or not at all: orgs.devices_synced_at never passes over
// anything that was not read.
package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/network"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// Network is one org's network and how many requests were sent to it.
type Network struct {
	network.Source
	Requests func() int
}

// Open opens the network of an org.
type Open func(org db.Org) (Network, error)

// Config configures a [Collector]; the zero Config has the defaults named below.
type Config struct {
	Every    time.Duration    // between polls; default 60 s
	Lookback time.Duration    // how much of the past is filled at first; default 24 h
	Share    float64          // of the network's request budget that may be spent; default 0.8
	Now      func() time.Time // default time.Now
	// ImportWait is how long meetings of an org whose network nobody polls wait for an
	// import; default 30 min.
	ImportWait time.Duration
}

// Collector collects. Safe for concurrent use, also for one org: the poll that lands
// first counts, the other is dropped.
type Collector struct {
	store *store.Store
	vault *vault.Vault
	open  Open
	cfg   Config
}

// New builds a collector.
func New(store *store.Store, vault *vault.Vault, open Open, cfg Config) *Collector {
	if cfg.Every <= 0 {
		cfg.Every = time.Minute
	}
	if cfg.Lookback <= 0 {
		cfg.Lookback = 24 * time.Hour
	}
	if cfg.Share <= 0 {
		cfg.Share = 0.8
	}
	if cfg.ImportWait <= 0 {
		cfg.ImportWait = 30 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Collector{store: store, vault: vault, open: open, cfg: cfg}
}

// Result is what one poll did.
type Result struct {
	Sites    int
	Clients  int // connected
	Leases   int
	Samples  int
	Requests int
	Skipped  bool // not due yet: the request budget allows fewer polls than asked for
}

// Collect polls an org's network once, after filling what past it has not read. progress
// is called now and then. What goes wrong is shown on the org and returned; then nothing
// of the poll is stored. Histories that the network does not give are shown only. [store.ErrFenced] where the org has no link that goes on.
func (c *Collector) Collect(ctx context.Context, orgID uuid.UUID, progress func()) (Result, error) {
	result, err := c.collect(ctx, orgID, progress)
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, store.ErrFenced), errors.Is(err, vault.ErrDestroyed), errors.Is(err, store.ErrNotFound):
		return result, err
	case errors.Is(err, store.ErrOvertaken):
		return Result{Requests: result.Requests, Skipped: true}, nil
	}
	if shown := c.store.SetDevicesError(ctx, orgID, explain(err)); shown != nil {
		return result, errors.Join(err, shown)
	}
	return result, err
}

func (c *Collector) collect(ctx context.Context, orgID uuid.UUID, progress func()) (Result, error) {
	org, err := c.store.Org(ctx, orgID)
	if err != nil {
		return Result{}, err
	}
	if !polled(org) {
		return c.unpolled(ctx, org)
	}
	key, err := c.vault.Key(ctx, vault.OrgScope(orgID))
	if err != nil {
		return Result{}, err
	}
	last, err := c.lastState(ctx, orgID, key)
	if err != nil {
		return Result{}, err
	}
	now := c.cfg.Now().UTC().Truncate(time.Microsecond)
	if now.Before(last.nextPoll(c.cfg)) {
		return Result{Skipped: true}, nil
	}
	source, err := c.open(org)
	if err != nil {
		return Result{}, err
	}
	p := &poll{
		Collector: c, ctx: ctx, org: orgID, key: key, source: source, progress: progress, now: now,
		cadence: network.Cadence{Every: last.interval(c.cfg)}, last: last,
		next: state{PolledAt: now, Limit: last.Limit, Period: last.Period, Radios: map[string]time.Time{}, WANs: map[string]time.Time{}},
	}
	if past := last.Past; past != nil && now.Sub(past.At) < c.cfg.Lookback {
		p.next.Past = past
	}
	err = p.run()
	p.result.Requests = source.Requests()
	if err != nil {
		return p.result, fmt.Errorf("collect devices of %s: %w", orgID, err)
	}
	return p.result, nil
}

// explain says what went wrong in words for the org's administrators: no address, no
// token, no name.
func explain(err error) string {
	class, _ := network.ClassOf(err)
	switch class {
	case network.Unauthorized:
		return "The network does not accept the API token: it was revoked or has expired. Give a new one."
	case network.Forbidden:
		return "The API token may not read this network. Give one with read access to the whole org."
	case network.RateLimited:
		return "The hourly request limit of the API token is reached; the collection goes on when it allows."
	case network.Misconfigured:
		return "The network's address or org id is wrong. Check them with `starter org add`."
	case network.NotFound:
		return "The network does not know this org. Check its id and the API token."
	case network.Malformed:
		return "The network gave an answer that cannot be read; the collection tries again."
	case network.Transient:
		return "The network does not answer at the moment; the collection tries again."
	}
	return "The device data could not be stored; the collection tries again."
}

// explainPast says why the past is known less well than it could be.
func explainPast(class network.Class) string {
	why := "the network did not give its histories"
	switch class {
	case network.Unauthorized, network.Forbidden:
		why = "the API token may not read the network's insights. Give one that may"
	case network.RateLimited:
		why = "the hourly request limit of the API token is reached"
	case network.Malformed:
		why = "the network gave histories that cannot be read"
	}
	return "Device data is collected, but signal and load of the time before the first poll or in an outage are missing: " + why + "."
}
