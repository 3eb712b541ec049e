package store

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"callweave/internal/store/db"
)

// explaining runs statements and adds up the pages that they touched.
type explaining struct {
	pgx.Tx
	t     *testing.T
	pages int64
}

// plan is what EXPLAIN (ANALYZE, BUFFERS) says of a statement, as a whole.
type plan struct {
	Plan struct {
		Hit  int64 `json:"Shared Hit Blocks"`
		Read int64 `json:"Shared Read Blocks"`
	}
}

func (e *explaining) explain(ctx context.Context, sql string, args []any) {
	e.t.Helper()
	var plans []plan
	var text []byte
	if err := e.Tx.QueryRow(ctx, "explain (analyze, buffers, timing off, format json) "+sql, args...).Scan(&text); err != nil {
		e.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		e.t.Fatal(err)
	}
	e.pages += plans[0].Plan.Hit + plans[0].Plan.Read
}

// Exec runs a statement by explaining it; it reports no rows.
func (e *explaining) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	e.explain(ctx, sql, args)
	return pgconn.NewCommandTag("DELETE 0"), nil
}

func (e *explaining) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.explain(ctx, sql, args)
	return e.Tx.Query(ctx, sql, args...)
}

func (e *explaining) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	e.explain(ctx, sql, args)
	return e.Tx.QueryRow(ctx, sql, args...)
}

// seedMany gives an account, linked to an org, n rows in every table that can become
// large, and as many again of another org and account before them.
func seedMany(t *testing.T, s *Store, n int) db.Receipt {
	t.Helper()
	x, a, b := zoomAccount("account-x"), uuid.New(), uuid.New()
	for _, org := range []uuid.UUID{b, a} {
		seedOrg(t, s, org)
		exec(t, s, `insert into client_samples (org_id, mac, start_at, end_at)
			select $1, '02:00:00:00:01:01', at, at + interval '1 second' from (select $2::timestamptz + i * interval '1 second' as at from generate_series(1, $3::integer) i) s`, org, seedStart, n)
		exec(t, s, `insert into radio_samples (org_id, ap_mac, band, start_at, end_at, site_id)
			select $1, '02:00:00:00:01:02', '5', at, at + interval '1 second', $1 from (select $2::timestamptz + i * interval '1 second' as at from generate_series(1, $3::integer) i) s`, org, seedStart, n)
		exec(t, s, `insert into wan_samples (org_id, site_id, gateway_mac, port_id, start_at, end_at)
			select $1, $1, '02:00:00:00:01:03', 'wan', at, at + interval '1 second' from (select $2::timestamptz + i * interval '1 second' as at from generate_series(1, $3::integer) i) s`, org, seedStart, n)
		exec(t, s, `insert into leases (org_id, mac, from_at, source, to_at, site_id)
			select $1, '02:00:00:00:01:01', at, 'snapshot', at, $1 from (select $2::timestamptz + i * interval '1 second' as at from generate_series(1, $3::integer) i) s`, org, seedStart, n)
	}
	for _, ref := range []string{"account-y", x.AccountID} {
		seedAccount(t, s, zoomAccount(ref))
		exec(t, s, `insert into windows (provider, account_id, from_at, to_at, origin)
			select 'zoom', $1, at, at + interval '1 second', 'backfill' from (select $2::timestamptz - i * interval '1 second' as at from generate_series(1, $3::integer) i) s`, ref, seedStart, n)
		exec(t, s, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count)
			select 'zoom', $1, 'many-' || i, 1, 'past', '', $2::timestamptz, $2::timestamptz, 1 from generate_series(1, $3::integer) i`, ref, seedStart, n)
		exec(t, s, `insert into legs (provider, account_id, meeting_id, participant_id, join_at, guest, person_sealed)
			select provider, account_id, meeting_id, '1', $2, false, '' from meetings where account_id = $1 and meeting_id like 'many-%'`, ref, seedStart)
		exec(t, s, `insert into media_samples (leg_id, start_at, end_at, granularity)
			select leg_id, $2, $2, 'minute' from legs where account_id = $1 and meeting_id like 'many-%'`, ref, seedStart)
		exec(t, s, `insert into webhook_events (provider, event_key, event, account_id)
			select 'zoom', sha256(convert_to($1 || '/' || i, 'UTF8')), 'meeting.ended', $1 from generate_series(1, $2::integer) i`, ref, n)
	}
	exec(t, s, `analyze`)
	for _, link := range []struct {
		account string
		org     uuid.UUID
	}{{"account-y", b}, {"account-y", a}, {x.AccountID, b}, {x.AccountID, a}} {
		seedLink(t, s, zoomAccount(link.account), link.org)
	}
	exec(t, s, `analyze`) // so that plans are made for so many rows
	receipt, err := s.Fence(t.Context(), x, a, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// pagesOf is what a batch of every step touches. Nothing is erased.
func pagesOf(t *testing.T, s *Store, receipt db.Receipt, batch int32) map[string]int64 {
	t.Helper()
	pages := map[string]int64{}
	for _, step := range stepsOf(erasure{account: true, org: true}) {
		e := &explaining{Tx: begin(t, s), t: t}
		if err := db.New(e.Tx).SearchByIndex(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := step.erase(t.Context(), db.New(e), receipt, batch); err != nil {
			t.Fatal(err)
		}
		pages[step.table] = max(pages[step.table], e.pages)
		if err := e.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return pages
}

// A batch costs what it erases, however much there is in the table, and however much was.
func TestBatchesCostWhatTheyErase(t *testing.T) {
	t.Parallel()
	const (
		batch = 300
		few   = 1000
		many  = 5 * few
	)
	s := openTest(t)
	small := pagesOf(t, s, seedMany(t, s, few), batch)
	s = openTest(t)
	receipt := seedMany(t, s, many)
	large := pagesOf(t, s, receipt, batch)
	for table, pages := range large {
		t.Logf("%-16s %5d pages of %d rows, %5d of %d", table, small[table], few, pages, many)
		// A scan would touch five times as much; where rows came to lie differs by some pages.
		if pages > 5*batch || pages > small[table]*3/2+few/100 {
			t.Errorf("%s: a batch of %d rows touches %d pages in a table of %d, and %d in one of %d", table, batch, small[table], few, pages, many)
		}
	}
	for range many / batch / 2 {
		if _, err := s.EraseBatch(t.Context(), receipt.ReceiptID, batch); err != nil {
			t.Fatal(err)
		}
	}
	if late := pagesOf(t, s, receipt, batch)["call_minutes"]; late > 2*large["call_minutes"] {
		t.Errorf("a batch of call minutes touches %d pages with half of them erased, and %d at first", late, large["call_minutes"])
	} else {
		t.Logf("%-16s %5d pages with half of the rows erased", "call_minutes", late)
	}
}
