package weave_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
)

// work is what some statements did, by table and by what kind of work.
type work struct {
	pages, rowsRead, rowsWritten map[string]int
}

func sum(of map[string]int) (n int) {
	for _, count := range of {
		n += count
	}
	return n
}

// counted does something with a store of its own and counts the pages that it touched and
// the rows that it read and wrote, as the database counts them. The bundle is of no use after
// it: what a connection did is in the statistics for certain only when it has ended, so all
// others end before.
func (b *bundle) counted(t *testing.T, do func(*store.Store)) work {
	t.Helper()
	b.store.Close()
	b.pool.Close()
	watching, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Close(context.WithoutCancel(t.Context()))
	before := statistics(t, watching)
	own, err := store.Open(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	do(own)
	own.Close()
	after := statistics(t, watching)
	for _, counts := range []struct{ now, then map[string]int }{{after.pages, before.pages}, {after.rowsRead, before.rowsRead}, {after.rowsWritten, before.rowsWritten}} {
		for table := range counts.now {
			if counts.now[table] -= counts.then[table]; counts.now[table] == 0 {
				delete(counts.now, table)
			}
		}
	}
	return after
}

// statistics waits until no other connection to the database is left, the ones of its own
// upkeep included, and reads what all of them did.
func statistics(t *testing.T, watching *pgx.Conn) work {
	t.Helper()
	testenv.Eventually(t, func() string {
		var others int
		if err := watching.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").Scan(&others); err != nil {
			t.Fatal(err)
		}
		if others > 0 {
			return fmt.Sprintf("%d connections have not ended", others)
		}
		return ""
	})
	w := work{map[string]int{}, map[string]int{}, map[string]int{}}
	rows, err := watching.Query(t.Context(), `select relname,
		coalesce(heap_blks_read + heap_blks_hit, 0) + coalesce(idx_blks_read + idx_blks_hit, 0), coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0), n_tup_ins + n_tup_upd
		from pg_statio_user_tables join pg_stat_user_tables using (relid, relname) order by relname`)
	if err != nil {
		t.Fatal(err)
	}
	var table string
	var pages, read, written int
	if _, err := pgx.ForEachRow(rows, []any{&table, &pages, &read, &written}, func() error {
		table, _, _ = strings.Cut(table, "_p2026") // all days together
		w.pages[table] += pages
		w.rowsRead[table] += read
		w.rowsWritten[table] += written
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// crowd is a network on which many meetings of an hour were held at once, each with two
// people of their own and a guest elsewhere. What it knew of the people of the first
// meeting it has not told yet.
func crowd(t *testing.T, meetings int) (*bundle, uuid.UUID, store.DeviceLanding) {
	t.Helper()
	cfg := world.DemoConfig(7)
	cfg.Orgs = 1
	b := setup(t, cfg, noon)
	org, site, ap := b.world.Orgs[0].ID, uuid.New(), "d4:20:00:00:00:01"
	hour := noon.Truncate(time.Hour).Add(-3 * time.Hour)
	for _, table := range []string{"media_samples", "client_samples", "radio_samples", "wan_samples", "call_minutes"} {
		b.exec(t, "select ensure_partitions($1, $2, $3)", table, hour.Add(-12*time.Hour), hour.Add(24*time.Hour))
	}
	key := func(scope vault.Scope) *vault.Key {
		key, err := b.vault.Key(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	person, err := key(vault.AccountScope(b.ref)).SealPerson("person", provider.Person{Name: secret.New("Somebody"), Hostname: secret.New("laptop-of-somebody")})
	if err != nil {
		t.Fatal(err)
	}
	name, err := key(vault.OrgScope(org)).Seal("hostname", []byte("laptop-of-somebody"))
	if err != nil {
		t.Fatal(err)
	}
	mac := func(n string) string {
		return "('02:00:00:00:' || lpad(to_hex((" + n + ") / 256), 2, '0') || ':' || lpad(to_hex((" + n + ") % 256), 2, '0'))::macaddr"
	}
	b.exec(t, "insert into sites (org_id, site_id, name, public_ips) values ($1, $2, 'Site', $3)", org, site, []netip.Addr{netip.MustParseAddr("203.0.113.1")})
	b.exec(t, `insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count, state, revision)
		select $1, $2, 'm-' || n, n + 1, 'past', '', $3::timestamptz, $3::timestamptz + interval '1 hour', 3, 'settled', 1 from generate_series(0, $4::integer - 1) n`, b.ref.Provider, b.ref.AccountID, hour, meetings)
	b.exec(t, `insert into legs (provider, account_id, meeting_id, participant_id, join_at, leave_at, guest, person_sealed, network_type, public_ip, private_ips, mac)
		select $1, $2, 'm-' || n / 3, n, $3::timestamptz, $3::timestamptz + interval '1 hour', n % 3 = 2, $5, 'Wifi',
			case when n % 3 = 2 then '198.51.100.9' else '203.0.113.1' end::inet, '{}', case when n % 3 < 2 then `+mac("n + 256")+` end
		from generate_series(0, 3 * $4::integer - 1) n`, b.ref.Provider, b.ref.AccountID, hour, meetings, person)
	b.exec(t, `insert into media_samples (leg_id, start_at, end_at, granularity, audio_in_latency_ms)
		select leg_id, $1::timestamptz + i * interval '1 minute', $1::timestamptz + (i + 1) * interval '1 minute', 'minute', i from legs, generate_series(0, 59) i`, hour)
	b.exec(t, `insert into leases (org_id, mac, from_at, source, to_at, site_id, ap_mac, band, hostname_sealed)
		select $1, mac, $2::timestamptz - interval '1 hour', 'session', $2::timestamptz + interval '2 hours', $3, $4, '5', $5 from legs where mac is not null`, org, hour, site, ap, name)
	b.exec(t, `insert into client_samples (org_id, mac, start_at, end_at, ap_mac, band, rssi_dbm)
		select $1, mac, $2::timestamptz + i * interval '1 minute', $2::timestamptz + (i + 1) * interval '1 minute', $3, '5', -60
		from generate_series(0, 59) i, legs where mac is not null and meeting_id <> 'm-0'`, org, hour, ap)
	b.exec(t, `insert into weaves (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
		select $1, provider, account_id, meeting_id, 0, 0, 0, revision, end_at from meetings`, org)
	b.exec(t, "update orgs set devices_synced_at = $1", noon)
	if woven := b.weave(t, org); woven.Meetings != meetings || woven.Minutes != meetings*120 {
		t.Fatalf("woven %+v, want %d meetings", woven, meetings)
	}
	// The database's own upkeep would be counted with the rest.
	b.exec(t, `do $$ declare name regclass; begin
		for name in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
			execute format('alter table %s set (autovacuum_enabled = false)', name);
		end loop; end $$`)
	b.exec(t, "vacuum analyze")
	late := store.DeviceLanding{OrgID: org}
	rows, err := b.pool.Query(t.Context(), "select mac from legs where meeting_id = 'm-0' and mac is not null")
	if err != nil {
		t.Fatal(err)
	}
	var sample db.ClientSample
	if _, err := pgx.ForEachRow(rows, []any{&sample.Mac}, func() error {
		for minute := range 60 {
			at := hour.Add(time.Duration(minute) * time.Minute)
			late.Clients = append(late.Clients, db.ClientSample{OrgID: org, Mac: append([]byte{}, sample.Mac...), Band: "5", StartAt: at, EndAt: at.Add(time.Minute)})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return b, org, late
}

// An hour of late samples of the people of one meeting costs what that meeting does,
// whether ten others were held in that hour or a thousand: counted, not timed.
func TestLateSamplesCostWhatTheyTouch(t *testing.T) {
	t.Parallel()
	cost := map[int]work{}
	for _, others := range []int{10, 1000} {
		b, org, late := crowd(t, 1+others)
		if err := b.store.LandDevices(t.Context(), late); err != nil {
			t.Fatal(err)
		}
		b.woke(t)
		cost[others] = b.counted(t, func(s *store.Store) {
			result, err := weave.New(s, vault.New(b.master, s), nil).Weave(t.Context(), b.ref, org, func() {})
			if err != nil || result.Meetings != 1 || result.Minutes != 120 || result.Ready != 0 {
				t.Errorf("among %d others: woven %+v, %v; want the one meeting", others, result, err)
			}
		})
		c := cost[others]
		t.Logf("among %d others: %d pages %v, %d rows read %v, %d written %v", others, sum(c.pages), c.pages, sum(c.rowsRead), c.rowsRead, sum(c.rowsWritten), c.rowsWritten)
	}
	few, many := cost[10], cost[1000]
	if sum(few.rowsWritten) != sum(many.rowsWritten) {
		t.Errorf("%d rows are written among 10 others, %d among 1000", sum(few.rowsWritten), sum(many.rowsWritten))
	}
	// Small tables are read through where large ones are searched, whose trees are higher.
	if sum(many.rowsRead) > sum(few.rowsRead)*5/4 || sum(many.pages) > sum(few.pages)*3/2 {
		t.Errorf("%d rows of %d pages are touched among 10 others, %d of %d among 1000", sum(few.rowsRead), sum(few.pages), sum(many.rowsRead), sum(many.pages))
	}
}
