package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// DeviceRows gives what is stored of an org's network, row by row; a nil function leaves
// its table out. They get the rows in the order of time, and end it with an error.
type DeviceRows struct {
	Lease  func(db.Lease) error
	Client func(db.ClientSample) error
	Radio  func(db.RadioSample) error
	WAN    func(db.WanSample) error
}

// ReadDevices reads the leases that overlap [from, to) and the samples that begin in it.
// Rows are handed on as they come, however many there are.
func (s *Store) ReadDevices(ctx context.Context, org uuid.UUID, from, to time.Time, rows DeviceRows) error {
	const samples = " where org_id = $1 and start_at >= $2 and start_at < $3 order by start_at, "
	read := []func(pgx.Tx) error{
		func(tx pgx.Tx) error {
			return stream(ctx, tx, rows.Lease, "select * from leases where org_id = $1 and to_at > $2 and from_at < $3 order by from_at, mac, source", org, from, to)
		},
		func(tx pgx.Tx) error {
			return stream(ctx, tx, rows.Client, "select * from client_samples"+samples+"mac, end_at", org, from, to)
		},
		func(tx pgx.Tx) error {
			return stream(ctx, tx, rows.Radio, "select * from radio_samples"+samples+"ap_mac, band, end_at", org, from, to)
		},
		func(tx pgx.Tx) error {
			return stream(ctx, tx, rows.WAN, "select * from wan_samples"+samples+"site_id, gateway_mac, port_id, end_at", org, from, to)
		},
	}
	// One moment for all tables; and the reader may be slow, which is nobody's statement.
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := s.queries().WithTx(tx).TakeTime(ctx); err != nil {
			return fmt.Errorf("lift the limit of statements: %w", err)
		}
		for _, one := range read {
			if err := one(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read devices of %s: %w", org, err)
	}
	return nil
}

// stream hands the rows of a query on, one at a time.
func stream[R any](ctx context.Context, tx pgx.Tx, to func(R) error, sql string, args ...any) error {
	if to == nil {
		return nil
	}
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err //nolint:wrapcheck // the caller does
	}
	defer rows.Close()
	for rows.Next() {
		row, err := pgx.RowToStructByPos[R](rows)
		if err != nil {
			return err
		}
		if err := to(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
