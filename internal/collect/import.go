package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/network"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// importBatch and importSpan bound what one transaction of an import writes: its rows, and
// the days that they fall into, each of which is a partition.
const (
	importBatch = 5000
	importSpan  = 30 * 24 * time.Hour
)

// ErrNotLinked says that an org has no link that goes on: nothing is kept of its network.
var ErrNotLinked = errors.New("the org has no link: device data is kept only while there is one; link an account first")

// ErrRecord is why a record was refused; the ones after it can still be used.
var ErrRecord = errors.New("not a record of this org")

// Importer keeps what an archive of an org's network tells. Safe for concurrent use.
type Importer struct {
	store *store.Store
	vault *vault.Vault
	now   func() time.Time
}

// NewImporter builds an importer. A nil now means the system's clock.
func NewImporter(store *store.Store, vault *vault.Vault, now func() time.Time) *Importer {
	if now == nil {
		now = time.Now
	}
	return &Importer{store: store, vault: vault, now: now}
}

// Imported is what an import did. Records that were there already count as well.
type Imported struct {
	Sites    int `json:"sites"`
	Devices  int `json:"devices"`
	Leases   int `json:"leases"`
	Clients  int `json:"client_samples"`
	Radios   int `json:"radio_samples"`
	WANs     int `json:"wan_samples"`
	Rejected int `json:"rejected"` // records that could not be read or used
	// From and To are the time that the records are about; zero where there were none.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Records is how many records were stored.
func (i Imported) Records() int {
	return i.Sites + i.Devices + i.Leases + i.Clients + i.Radios + i.WANs
}

// Import stores the records in batches. Repeating it changes nothing, and it takes nothing
// away: a lease that is there is extended, a sample that is there stays as it is. What is
// wrong with a record is given to reject, which lets the import go on or ends it with the
// error that it returns; what was read before stays. The memory it takes does not grow
// with the records.
//
// Where no collector polls the network, the device data counts as complete up to the end
// of what was imported, and meetings up to there are woven. [ErrNotLinked] where the org
// has no link that goes on.
func (i *Importer) Import(ctx context.Context, orgID uuid.UUID, records iter.Seq2[network.Record, error], reject func(error) error) (Imported, error) {
	b, err := i.begin(ctx, orgID)
	if err != nil {
		return Imported{}, err
	}
	for record, err := range records {
		if err == nil {
			err = b.check(record)
		}
		if err != nil {
			if err := reject(err); err != nil {
				return b.done, errors.Join(err, b.land(ctx))
			}
			b.done.Rejected++
			continue
		}
		if err := b.add(ctx, record); err != nil {
			return b.done, err
		}
	}
	if err := b.land(ctx); err != nil {
		return b.done, err
	}
	return b.done, b.complete(ctx)
}

// importing is one import.
type importing struct {
	*Importer
	org    uuid.UUID
	polled bool // a collector tells how far the data is complete
	key    *vault.Key
	sites  map[uuid.UUID]db.Site
	latest time.Time // no record is of a later time
	batch  store.DeviceLanding
	rows   int
	first  time.Time // of the batch
	last   time.Time
	done   Imported
	ahead  Imported // with the batch
}

func (i *Importer) begin(ctx context.Context, orgID uuid.UUID) (*importing, error) {
	org, err := i.store.Org(ctx, orgID)
	if err != nil {
		return nil, err
	}
	// Before its key is asked for, which would make one.
	links, err := i.store.LinksOfOrg(ctx, orgID)
	if err == nil && len(links) == 0 {
		err = ErrNotLinked
	}
	if err != nil {
		return nil, err
	}
	b := &importing{Importer: i, org: orgID, polled: polled(org), sites: map[uuid.UUID]db.Site{}, latest: i.now().Add(time.Hour)}
	if b.key, err = i.vault.Key(ctx, vault.OrgScope(orgID)); err != nil {
		return nil, err
	}
	known, err := i.store.Sites(ctx, orgID)
	for _, site := range known {
		b.sites[site.SiteID] = site
	}
	b.batch.OrgID = orgID
	return b, err
}

// about is the site and the time of a record; no site where it is of none.
func about(r *network.Record) (site uuid.UUID, from, to time.Time) {
	switch {
	case r.Device != nil:
		return r.Device.SiteID, time.Time{}, time.Time{}
	case r.Lease != nil:
		return r.Lease.SiteID, r.Lease.From, r.Lease.To
	case r.Client != nil:
		return uuid.Nil, r.Client.From, r.Client.To
	case r.Radio != nil:
		return r.Radio.Radio.SiteID, r.Radio.From, r.Radio.To
	case r.WAN != nil:
		return r.WAN.WAN.SiteID, r.WAN.From, r.WAN.To
	}
	return uuid.Nil, time.Time{}, time.Time{}
}

// check refuses what cannot be true of this org.
func (b *importing) check(r network.Record) error {
	site, _, to := about(&r)
	_, known := b.sites[site]
	switch {
	case site != uuid.Nil && !known:
		return fmt.Errorf("%w: %s: site_id: want a site of the org: import its sites first", ErrRecord, r.Where)
	case to.After(b.latest):
		return fmt.Errorf("%w: %s: end_at: want a time that has passed", ErrRecord, r.Where)
	}
	return nil
}

func (b *importing) add(ctx context.Context, r network.Record) error {
	_, from, to := about(&r)
	timeless := r.Site != nil || r.Device != nil
	if b.rows == importBatch || !timeless && r.Lease == nil && b.spreads(from) {
		if err := b.land(ctx); err != nil {
			return err
		}
	}
	b.rows++
	switch {
	case r.Site != nil:
		b.batch.Sites = append(b.batch.Sites, b.site(*r.Site))
		b.ahead.Sites++
		return nil
	case r.Device != nil:
		b.batch.Devices = append(b.batch.Devices, deviceRow(b.org, *r.Device))
		b.ahead.Devices++
		return nil
	case r.Lease != nil:
		source := correlate.SourceImport
		if r.LeaseSource != "" {
			source = correlate.Source(r.LeaseSource)
		}
		row, err := leaseRow(b.org, b.key, source, *r.Lease)
		if err != nil {
			return err
		}
		b.batch.Leases = append(b.batch.Leases, row)
		b.ahead.Leases++
	case r.Client != nil:
		b.batch.Clients = append(b.batch.Clients, clientRow(b.org, *r.Client))
		b.ahead.Clients++
	case r.Radio != nil:
		b.batch.Radios = append(b.batch.Radios, radioRow(b.org, *r.Radio))
		b.ahead.Radios++
	case r.WAN != nil:
		b.batch.WANs = append(b.batch.WANs, wanRow(b.org, *r.WAN))
		b.ahead.WANs++
	}
	if r.Lease == nil {
		b.first, b.last = earlier(b.first, from), later(b.last, from)
	}
	b.ahead.From, b.ahead.To = earlier(b.ahead.From, from), later(b.ahead.To, to)
	return nil
}

// site is the row of a site; what it does not say stays as it is.
func (b *importing) site(s network.Site) db.Site {
	row := siteRows(b.org, []network.Site{s})[0]
	if known, ok := b.sites[s.ID]; ok {
		row.Timezone = cmp.Or(row.Timezone, known.Timezone)
		if len(row.PublicIps) == 0 {
			row.PublicIps = known.PublicIps
		}
		if len(row.Subnets) == 0 {
			row.Subnets = known.Subnets
		}
	}
	b.sites[s.ID] = row
	return row
}

// spreads reports whether the batch would reach over too many days with a sample of then.
func (b *importing) spreads(at time.Time) bool {
	return !b.first.IsZero() && (at.Sub(b.first) > importSpan || b.last.Sub(at) > importSpan)
}

func (b *importing) land(ctx context.Context) error {
	if b.rows > 0 {
		if err := b.put(ctx, b.batch); err != nil {
			return err
		}
	}
	rejected := b.done.Rejected
	b.done = b.ahead
	b.done.Rejected = rejected
	// The rows are reused: a landing keeps none of them.
	b.batch = store.DeviceLanding{
		OrgID: b.org, Sites: b.batch.Sites[:0], Devices: b.batch.Devices[:0], Leases: b.batch.Leases[:0],
		Clients: b.batch.Clients[:0], Radios: b.batch.Radios[:0], WANs: b.batch.WANs[:0],
	}
	b.rows, b.first, b.last = 0, time.Time{}, time.Time{}
	return nil
}

// complete says up to when the data is complete, where nobody else does.
func (b *importing) complete(ctx context.Context) error {
	if b.polled || b.done.To.IsZero() {
		return nil
	}
	to := b.done.To
	if now := b.now(); to.After(now) {
		to = now
	}
	return b.put(ctx, store.DeviceLanding{OrgID: b.org, SyncedAt: to})
}

func (b *importing) put(ctx context.Context, landing store.DeviceLanding) error {
	err := b.store.LandDevices(ctx, landing)
	if errors.Is(err, store.ErrFenced) {
		return ErrNotLinked
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
