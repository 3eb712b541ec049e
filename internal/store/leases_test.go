package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

func TestLeasesThatOverlap(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := uuid.New()
	from, to := seedStart, seedStart.Add(3*time.Hour)
	lease := func(source string, from, to time.Time) {
		exec(t, s, `insert into leases (org_id, mac, source, from_at, to_at, site_id) values ($1, '02:00:00:00:00:01', $2, $3, $4, gen_random_uuid())`, org, source, from, to)
	}
	const day = 24 * time.Hour
	lease("ended before", from.Add(-time.Hour), from)
	lease("began after", to, to.Add(time.Hour))
	lease("within", from.Add(time.Hour), from.Add(2*time.Hour))
	lease("ends within", from.Add(-time.Hour), from.Add(time.Hour))
	lease("begins within", from.Add(time.Hour), to.Add(time.Hour))
	lease("a day", from.Add(-day).Add(time.Minute), from.Add(time.Minute))
	lease("a day and more", from.Add(-day).Add(-time.Minute), from.Add(time.Minute))
	lease("a month around", from.Add(-15*day), from.Add(15*day))
	lease("a month before", from.Add(-30*day), from)
	lease("a month after", to, to.Add(30*day))
	lease("a month from within", to.Add(-time.Minute), to.Add(30*day))
	leases, err := s.Leases(t.Context(), org, from, to)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, l := range leases {
		got[l.Source]++
	}
	want := map[string]int{
		"within": 1, "ends within": 1, "begins within": 1, "a day": 1, "a day and more": 1, "a month around": 1, "a month from within": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("leases (-want +got):\n%s", diff)
	}
}

// A time costs what it held, not what came before and after it.
func TestLeasesCostNoOthers(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	org := uuid.New()
	exec(t, s, `insert into leases (org_id, mac, source, from_at, to_at, site_id)
		select $1, '02:00:00:00:00:01', 'session', $2::timestamptz + n * interval '1 hour', $2::timestamptz + (n + 1) * interval '1 hour', gen_random_uuid()
		from generate_series(-2500, 2500) n`, org, seedStart)
	exec(t, s, `update leases set to_at = to_at + interval '30 days' where extract(hour from from_at) = 7 and random() < 0.1`)
	exec(t, s, `vacuum analyze leases`)
	var touched int64
	err := s.inTx(t.Context(), func(tx pgx.Tx, q *db.Queries) error {
		before, err := rowsRead(t, tx, "leases")
		if err != nil {
			return err
		}
		found, err := q.LeasesOverlapping(t.Context(), db.LeasesOverlappingParams{
			OrgID: org, FromAt: seedStart, ToAt: seedStart.Add(3 * time.Hour), DayBefore: seedStart.Add(-24 * time.Hour),
		})
		if err != nil || len(found) < 3 {
			t.Errorf("%d leases, %v; want 3 and some long ones", len(found), err)
		}
		after, err := rowsRead(t, tx, "leases")
		touched = after - before
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if touched > 60 { // a day of short ones, and the few long ones
		t.Errorf("%d of 5001 rows were looked at", touched)
	}
}

// A lease is extended by every look at its client. An index that knows to_at would take a new
// entry each time, and so would all the others.
func TestNoIndexKnowsTheEndOfALease(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	rows, err := s.pool.Query(t.Context(), `select pg_get_indexdef(indexrelid) from pg_index where indrelid = 'leases'::regclass`)
	if err != nil {
		t.Fatal(err)
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(indexes) == 0 {
		t.Fatalf("indexes of leases: %v, %v", indexes, err)
	}
	for _, index := range indexes {
		if strings.Contains(index, "to_at") {
			t.Error(index)
		}
	}
}
