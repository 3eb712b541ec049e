package store

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// Leases lists the leases of an org that overlap an interval.
func (s *Store) Leases(ctx context.Context, org uuid.UUID, from, to time.Time) ([]db.Lease, error) {
	rows, err := s.queries().LeasesOverlapping(ctx, db.LeasesOverlappingParams{OrgID: org, FromAt: from, ToAt: to, DayBefore: from.Add(-24 * time.Hour)})
	return rows, notFound(err, "list leases of %s", org)
}

// LeasesOfDevices lists the leases within an interval of some hardware addresses, and of
// the clients that had some addresses.
func (s *Store) LeasesOfDevices(ctx context.Context, org uuid.UUID, macs []net.HardwareAddr, ips []netip.Addr, from, to time.Time) ([]db.Lease, error) {
	rows, err := s.queries().LeasesOfDevices(ctx, db.LeasesOfDevicesParams{OrgID: org, Macs: macs, Ips: ips, FromAt: from, ToAt: to})
	return rows, notFound(err, "list leases of %s", org)
}

// upsertLeases adds leases. One that is there (same client, source and beginning) is
// extended, and keeps an address and a name that the new one does not know.
func upsertLeases(ctx context.Context, tx pgx.Tx, leases []db.Lease) error {
	const merge = `
with before as materialized (
    select l.mac, l.source, l.from_at, l.to_at, l.ip, l.ap_mac, l.site_id, l.band, l.hostname_sealed is not null as named
    from leases l where (l.org_id, l.mac, l.source, l.from_at) in (select i.org_id, i.mac, i.source, i.from_at from incoming_leases i)
), merged as (
    insert into leases as l (org_id, mac, from_at, source, to_at, site_id, ip, ap_mac, ssid, band, wired, hostname_sealed)
    select distinct on (org_id, mac, source, from_at) org_id, mac, from_at, source, to_at, site_id, ip, ap_mac, ssid, band, wired, hostname_sealed
    from incoming_leases order by org_id, mac, source, from_at, to_at desc
    on conflict (org_id, mac, source, from_at) do update
    set to_at = greatest(l.to_at, excluded.to_at), site_id = excluded.site_id,
        ip = coalesce(excluded.ip, l.ip), ap_mac = coalesce(excluded.ap_mac, l.ap_mac),
        ssid = excluded.ssid, band = excluded.band, wired = excluded.wired,
        hostname_sealed = coalesce(l.hostname_sealed, excluded.hostname_sealed)
    where (l.to_at, l.ip, l.ap_mac, l.site_id, l.hostname_sealed is null) is distinct from
        (greatest(l.to_at, excluded.to_at), coalesce(excluded.ip, l.ip), coalesce(excluded.ap_mac, l.ap_mac), excluded.site_id, l.hostname_sealed is null and excluded.hostname_sealed is null)
    returning *
), news as ( -- a lease that only goes on says nothing new of its beginning
    select m.*, case when (m.ip, m.ap_mac, m.site_id, m.band, m.hostname_sealed is not null) is not distinct from (b.ip, b.ap_mac, b.site_id, b.band, b.named)
        then b.to_at else m.from_at end as new_from
    from merged m left join before b using (mac, source, from_at)
)
insert into late_devices (org_id, kind, device, site_id, from_at, to_at, source, lease_from, ip, ap_mac, band, named)
select n.org_id, 'lease', n.mac, n.site_id, n.new_from, n.to_at, n.source, n.from_at, n.ip, n.ap_mac, n.band, n.hostname_sealed is not null
from news n join orgs o using (org_id)
where n.new_from < o.devices_synced_at and n.new_from < n.to_at`
	return mergeRows(ctx, tx, "leases", merge, len(leases), func(i int) []any {
		l := leases[i]
		return []any{l.OrgID, l.Mac, l.FromAt, l.Source, l.ToAt, l.SiteID, l.Ip, l.ApMac, l.Ssid, l.Band, l.Wired, l.HostnameSealed}
	})
}

// mergeRows copies rows into a temporary table like the one named, incoming_<table>,
// and runs the statement that merges it. Rows have all columns, in the table's order, but
// those that it makes itself.
func mergeRows(ctx context.Context, tx pgx.Tx, table, merge string, rows int, row func(i int) []any) error {
	if rows == 0 {
		return nil
	}
	incoming := "incoming_" + table
	if _, err := tx.Exec(ctx, "create temporary table "+incoming+" (like "+table+" including defaults) on commit drop"); err != nil {
		return fmt.Errorf("prepare %s: %w", table, err)
	}
	columns, err := columnsOf(ctx, tx, table)
	if err != nil {
		return err
	}
	source := pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return row(i), nil })
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{incoming}, columns, source); err != nil {
		return fmt.Errorf("copy %s: %w", table, err)
	}
	if _, err := tx.Exec(ctx, merge); err != nil {
		return fmt.Errorf("merge %s: %w", table, err)
	}
	return nil
}

func columnsOf(ctx context.Context, tx pgx.Tx, table string) ([]string, error) {
	rows, err := tx.Query(ctx, `select attname::text from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`, table)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", table, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", table, err)
	}
	return names, nil
}
