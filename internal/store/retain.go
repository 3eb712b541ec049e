package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"callweave/internal/store/db"
	"callweave/internal/utcday"
)

// Keep is for how many days data are kept, after the UTC day they are of.
type Keep struct {
	Minutes int // call minutes and matches
	Media   int // media samples
	Devices int // leases and device samples
	Uses    int // lines of the audit log that say that a token was used; 0: for good
}

// KeepChange changes for how long an org's data are kept: nil leaves a setting as it is, 0
// gives it back to the worker's configuration.
type KeepChange struct{ Minutes, Media, Devices *int }

// SetOrgKeep changes for how long an org's data are kept. What expires by it is removed
// with the next [Store.Expire]. [ErrNotFound] where there is no such org.
func (s *Store) SetOrgKeep(ctx context.Context, org uuid.UUID, change KeepChange) error {
	days := func(n *int) int32 {
		if n == nil {
			return -1
		}
		return int32(*n)
	}
	err := s.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		set, err := q.SetOrgKeep(ctx, db.SetOrgKeepParams{
			OrgID: org, Minutes: days(change.Minutes), Media: days(change.Media), Devices: days(change.Devices),
		})
		if err == nil && set == 0 {
			err = pgx.ErrNoRows
		}
		if err != nil {
			return err
		}
		return q.ForgetRetained(ctx)
	})
	return notFound(err, "set retention of %s", org)
}

// Expired is what one [Store.Expire] removed.
type Expired struct {
	Partitions int   // of a day, dropped
	Rows       int64 // removed in batches
	Busy       int   // partitions that were in use: left to the next time
}

// expireBatch bounds the rows that one statement removes.
const expireBatch = 5000

// Expire removes what is no longer kept: whole days by dropping their partitions, where
// they have expired for every org, else what each org and account keeps less of, in
// batches. Once a day is enough, so it does nothing when it was done today. beat is called
// between batches. Repeating it after a failure goes on.
func (s *Store) Expire(ctx context.Context, standard Keep, now time.Time, beat func()) (Expired, error) {
	e := &expiry{Store: s, standard: standard, today: utcday.Of(now), beat: beat}
	done, err := s.queries().Retained(ctx, e.today)
	if err != nil || done {
		return Expired{}, notFound(err, "look for what has expired")
	}
	if err := e.run(ctx); err != nil {
		return e.done, fmt.Errorf("remove what has expired: %w", err)
	}
	if e.done.Busy > 0 {
		return e.done, nil
	}
	return e.done, notFound(s.queries().SetRetained(ctx, e.today), "note what was removed")
}

// expiry is one Expire.
type expiry struct {
	*Store
	standard Keep
	today    time.Time
	beat     func()
	orgs     []db.OrgsKeepRow
	done     Expired
}

// before is the first moment that is kept.
func (e *expiry) before(days int32) time.Time { return e.today.AddDate(0, 0, -int(days)) }

func (e *expiry) run(ctx context.Context) error {
	q := e.queries()
	keep := e.standard
	var err error
	if e.orgs, err = q.OrgsKeep(ctx, int32(keep.Minutes), int32(keep.Media), int32(keep.Devices)); err != nil {
		return fmt.Errorf("read orgs: %w", err)
	}
	accounts, err := q.AccountsKeep(ctx, int32(keep.Media), int32(keep.Minutes))
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	for _, table := range expiringTables(q) {
		if err := e.table(ctx, table); err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
	}
	if keep.Uses > 0 {
		if err := e.uses(ctx); err != nil {
			return fmt.Errorf("%s: %w", usesTable, err)
		}
	}
	media, err := e.partitions(ctx, "media_samples")
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if err := e.account(ctx, q, account, media); err != nil {
			return fmt.Errorf("account %s/%s: %w", account.Provider, account.AccountID, err)
		}
	}
	// After the accounts: what was to be woven of a meeting goes when the meeting has.
	for _, org := range e.orgs {
		if err := e.org(ctx, q, org); err != nil {
			return fmt.Errorf("org %s: %w", org.OrgID, err)
		}
	}
	return nil
}

// batches repeats what removes some rows until none is left.
func (e *expiry) batches(ctx context.Context, remove func() (int64, error)) error {
	for {
		rows, err := remove()
		if err != nil {
			return err
		}
		e.beat()
		e.done.Rows += rows
		if rows == 0 {
			return ctx.Err()
		}
	}
}

// partition is a day of a table.
type partition struct {
	name      string
	day, next time.Time
}

func (e *expiry) partitions(ctx context.Context, parent string) ([]partition, error) {
	const sql = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = to_regclass($1) order by 1"
	rows, err := e.pool.Query(ctx, sql, parent)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", parent, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", parent, err)
	}
	list := make([]partition, 0, len(names))
	for _, name := range names {
		day, err := time.Parse(parent+"_p20060102", name)
		if err != nil {
			continue // made by somebody else: not ours to drop
		}
		list = append(list, partition{name, day, day.AddDate(0, 0, 1)})
	}
	return list, nil
}

// drop drops a day. That needs the parent's lock for a moment, and whoever comes meanwhile
// waits behind us: so we do not wait for long.
func (e *expiry) drop(ctx context.Context, p partition) error {
	err := e.inTx(ctx, func(tx pgx.Tx, _ *db.Queries) error {
		if _, err := tx.Exec(ctx, "set local lock_timeout = '1s'"); err != nil {
			return err //nolint:wrapcheck // see below
		}
		_, err := tx.Exec(ctx, "drop table if exists "+pgx.Identifier{p.name}.Sanitize())
		return err //nolint:wrapcheck // see below
	})
	e.beat()
	const lockNotAvailable = "55P03" // Postgres reference, appendix A
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok && failed.Code == lockNotAvailable {
		e.done.Busy++
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop %s: %w", p.name, err)
	}
	e.done.Partitions++
	return nil
}
