package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"callweave/internal/store/db"
)

// Devices that come late are about a time up to which the org's data counted as complete:
// meetings of it may be woven. They are noted in the transaction that stores them, and
// found in call minutes some minutes later, together with what else came meanwhile. Sites
// whose addresses change are noted likewise: a change speaks for all that was woven, and is
// looked through a day to a transaction, the latest first.

const (
	// lateWait is how long late devices wait for more of them: a poll or an import brings
	// them in pieces, and a meeting that several touch is woven anew once.
	lateWait = 5 * time.Minute
	// lateRows is how many notes are taken in one transaction.
	lateRows = 2000
	// fewLeases is how many leases among them are looked for in legs one by one.
	fewLeases = 50
	// lateFor is how long it may take to find out exactly what they touch: landings of devices
	// and of what is woven wait meanwhile.
	lateFor = 20 * time.Second
)

// MarkLate queues the meetings of an org that devices touch which came late some minutes
// ago. It reports how many, and whether there is more to look through. Where it takes long to
// find out, they are all the meetings of the devices' time.
func (s *Store) MarkLate(ctx context.Context, org uuid.UUID) (meetings int, more bool, err error) {
	return s.markLate(ctx, org, lateFor)
}

func (s *Store) markLate(ctx context.Context, org uuid.UUID, exactlyFor time.Duration) (meetings int, more bool, err error) {
	if due, err := s.queries().LateDevicesDue(ctx, org, lateWait.Seconds()); err != nil || !due {
		return 0, false, notFound(err, "look for late devices of %s", org)
	}
	site, err := s.markSite(ctx, org)
	if err != nil {
		return 0, false, fmt.Errorf("mark what changed sites of %s touch: %w", org, err)
	}
	if site.Taken > 0 {
		return int(site.Meetings), true, nil
	}
	marked, err := s.markLateOnce(ctx, org, exactlyFor)
	if timedOut(err) {
		marked, err = s.markLateOnce(ctx, org, 0)
	}
	if err != nil {
		return 0, false, fmt.Errorf("mark what late devices of %s touch: %w", org, err)
	}
	return int(marked.Meetings), marked.Taken == lateRows, nil
}

// markSite marks in one transaction what a day of one site's change touches.
func (s *Store) markSite(ctx context.Context, org uuid.UUID) (marked db.MarkSiteRow, err error) {
	if changed, err := s.queries().SitesChanged(ctx, org); err != nil || !changed {
		return marked, err
	}
	err = s.lookAtLate(ctx, org, func(q *db.Queries) (err error) {
		marked, err = q.MarkSite(ctx, org)
		return err
	})
	return marked, err
}

// markLateOnce marks in one transaction: exactly, if that takes no longer than some time, or
// coarsely, where there is none.
func (s *Store) markLateOnce(ctx context.Context, org uuid.UUID, exactlyFor time.Duration) (marked db.MarkLateRow, err error) {
	err = s.lookAtLate(ctx, org, func(q *db.Queries) (err error) {
		if exactlyFor > 0 {
			if err := q.LimitStatements(ctx, strconv.FormatInt(exactlyFor.Milliseconds(), 10)); err != nil {
				return err
			}
		}
		marked, err = q.MarkLate(ctx, db.MarkLateParams{OrgID: org, MaxRows: lateRows, FewLeases: fewLeases, Coarsely: exactlyFor == 0})
		return err
	})
	return marked, err
}

// lookAtLate has somebody look through the notes, alone.
func (s *Store) lookAtLate(ctx context.Context, org uuid.UUID, look func(*db.Queries) error) error {
	return s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		if _, err := q.LockOrg(ctx, org); err != nil {
			return notFound(err, "lock org")
		}
		// Before the look: a weaver that puts its call minutes after it sees that there was one.
		if err := q.LockLateDevices(ctx, org); err != nil {
			return err
		}
		if err := q.NextLateMark(ctx, org); err != nil {
			return err
		}
		if err := q.SearchLateByIndex(ctx); err != nil {
			return err
		}
		return look(q)
	})
}

// timedOut reports whether a statement took longer than it was allowed to.
func timedOut(err error) bool {
	const queryCanceled = "57014" // Postgres reference, appendix A
	failed, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failed.Code == queryCanceled
}

// The statements that note what is late of the samples that a landing adds. Samples of one
// device that follow one another are one note; where a landing has very many, all that
// they cover is one.
const (
	noteClients = `
, islands as (
    select a.org_id, 'client' as kind, a.mac as device, null::uuid as site_id, range_agg(tstzrange(a.start_at, a.end_at)) as times
    from added a join orgs o using (org_id) where a.start_at < o.devices_synced_at and a.start_at < a.end_at group by a.org_id, a.mac
)` + noteIslands
	noteRadios = `
, islands as (
    select a.org_id, 'radio' as kind, a.ap_mac as device, a.site_id, range_agg(tstzrange(a.start_at, a.end_at)) as times
    from added a join orgs o using (org_id) where a.start_at < o.devices_synced_at and a.start_at < a.end_at group by a.org_id, a.ap_mac, a.site_id
)` + noteIslands
	noteWANs = `
, islands as (
    select a.org_id, 'wan' as kind, null::macaddr as device, a.site_id, range_agg(tstzrange(a.start_at, a.end_at)) as times
    from added a join orgs o using (org_id) where a.start_at < o.devices_synced_at and a.start_at < a.end_at group by a.org_id, a.site_id
)` + noteIslands
	noteIslands = `
, notes as (
    select org_id, kind, device, site_id, time from islands, unnest(times) time
), few as (
    select count(*) <= 500 as yes from notes
)
insert into late_devices (org_id, kind, from_at, to_at, device, site_id)
select org_id, kind, lower(time), upper(time), device, site_id from notes where (select yes from few)
union all
select org_id, 'all', lower(time), upper(time), null::macaddr, null::uuid
from (select org_id, unnest(range_agg(time)) as time from notes where not (select yes from few) group by org_id) n`
)
