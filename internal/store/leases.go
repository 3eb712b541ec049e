package store

import (
	"context"
	"fmt"
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

// upsertLeases adds leases. One that is there (same client, source and beginning) is
// extended, and keeps an address and a name that the new one does not know.
func upsertLeases(ctx context.Context, tx pgx.Tx, leases []db.Lease) error {
	const merge = `
insert into leases as l
select distinct on (org_id, mac, source, from_at) * from incoming_leases order by org_id, mac, source, from_at, to_at desc
on conflict (org_id, mac, source, from_at) do update
set to_at = greatest(l.to_at, excluded.to_at), site_id = excluded.site_id,
    ip = coalesce(excluded.ip, l.ip), ap_mac = coalesce(excluded.ap_mac, l.ap_mac),
    ssid = excluded.ssid, band = excluded.band, wired = excluded.wired,
    hostname_sealed = coalesce(l.hostname_sealed, excluded.hostname_sealed)
where (l.to_at, l.ip, l.ap_mac, l.site_id) is distinct from
    (greatest(l.to_at, excluded.to_at), coalesce(excluded.ip, l.ip), coalesce(excluded.ap_mac, l.ap_mac), excluded.site_id)
    or l.hostname_sealed is null and excluded.hostname_sealed is not null`
	return mergeRows(ctx, tx, "leases", merge, len(leases), func(i int) []any {
		l := leases[i]
		return []any{l.OrgID, l.Mac, l.FromAt, l.Source, l.ToAt, l.SiteID, l.Ip, l.ApMac, l.Ssid, l.Band, l.Wired, l.HostnameSealed}
	})
}

// mergeRows copies rows into a temporary table like the one named, incoming_<table>,
// and runs the statement that merges it. Rows have all columns, in the table's order.
func mergeRows(ctx context.Context, tx pgx.Tx, table, merge string, rows int, row func(i int) []any) error {
	if rows == 0 {
		return nil
	}
	incoming := "incoming_" + table
	if _, err := tx.Exec(ctx, "create temporary table "+incoming+" (like "+table+" including defaults) on commit drop"); err != nil {
		return fmt.Errorf("prepare %s: %w", table, err)
	}
	columns, err := columnsOf(ctx, tx, incoming)
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
where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`, table)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", table, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", table, err)
	}
	return names, nil
}
