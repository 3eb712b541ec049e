package weavebench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/proctime"
)

// baseline is the same work in SQL: for every leg the client that had its address, for
// every media sample the finest device samples that cover it, and the verdict. The legs
// of this day need no more rules than it has: none moves to another site or client.
type baseline struct {
	name    string
	unit    string   // of the metric
	indexes []string // beside those of the schema
	covers  covers
}

// covers words that a row covers a moment, in the way that its index likes.
type covers func(from, to, moment string) string

// baselines are the ways to find what covers a moment: by range conditions and the trees
// that fit them; the same by somebody who knows how long a sample can be; and by GiST on
// the intervals themselves.
func baselines() []baseline {
	trees := []string{
		"create index on client_samples (org_id, mac, start_at)",
		"create index on radio_samples (org_id, ap_mac, start_at)",
		"create index on wan_samples (org_id, site_id, start_at)",
	}
	const bounded = "%[1]s <= %[3]s and %[1]s > %[3]s - interval '2 hours'"
	return []baseline{
		{"range joins on btree", "sql-btree", trees, func(from, to, moment string) string {
			return fmt.Sprintf("%[1]s <= %[3]s and %[2]s > %[3]s", from, to, moment)
		}},
		{"range joins on btree that look back two hours only", "sql-bounded", trees, func(from, to, moment string) string {
			return fmt.Sprintf(bounded+" and %[2]s > %[3]s", from, to, moment)
		}},
		{"range joins on GiST", "sql-gist", []string{
			"create extension btree_gist",
			"create index on client_samples using gist (org_id, mac, tstzrange(start_at, end_at))",
			"create index on radio_samples using gist (org_id, ap_mac, tstzrange(start_at, end_at))",
			"create index on wan_samples using gist (org_id, site_id, tstzrange(start_at, end_at))",
		}, func(from, to, moment string) string {
			// The bounds keep it to the partitions of two days.
			return fmt.Sprintf(bounded+" and tstzrange(%[1]s, %[2]s) @> %[3]s", from, to, moment)
		}},
	}
}

// directions and metrics in the order in which the first of equals is the worst.
func worsts() (names, ratios []string) {
	for _, direction := range []string{"audio_in", "audio_out", "video_in", "video_out"} {
		for _, metric := range []struct{ name, column, limit string }{
			{"latency", "latency_ms", "o.latency_bad_ms"}, {"jitter", "jitter_ms", "o.jitter_bad_ms"}, {"loss", "loss_avg_ratio", "o.loss_bad_ratio"},
		} {
			names = append(names, direction+" "+metric.name)
			ratios = append(ratios, fmt.Sprintf("case when s.%[1]s_%[2]s > %[3]s then s.%[1]s_%[2]s / %[3]s end", direction, metric.column, metric.limit))
		}
	}
	return names, ratios
}

// query makes the rows of call_minutes, of the meetings $1.
func (q baseline) query() string {
	names, ratios := worsts()
	var measured, worst []string
	for i, ratio := range ratios {
		measured = append(measured, ratio+fmt.Sprintf(" as r%d", i))
		worst = append(worst, fmt.Sprintf("r%d", i))
	}
	word := func(part int) string {
		var text strings.Builder
		for i, name := range names {
			fmt.Fprintf(&text, " when r%d = worst then '%s'", i, strings.Fields(name)[part])
		}
		return "case" + text.String() + " else '' end"
	}
	known := "num_nonnulls(s.audio_in_latency_ms, s.audio_in_jitter_ms, s.audio_in_loss_avg_ratio, s.audio_out_latency_ms, s.audio_out_jitter_ms, s.audio_out_loss_avg_ratio, " +
		"s.video_in_latency_ms, s.video_in_jitter_ms, s.video_in_loss_avg_ratio, s.video_out_latency_ms, s.video_out_jitter_ms, s.video_out_loss_avg_ratio) > 0"
	return `
with legs_of as (
    select g.*, m.end_at from legs g join meetings m using (provider, account_id, meeting_id) where g.meeting_id = any($1)
), matched as (
    select g.*, coalesce(mac.client, ip.client) as client, coalesce(mac.site_id, ip.site_id) as site_id
    from legs_of g
    left join lateral (
        select l.mac as client, l.site_id from leases l
        where l.org_id = '0a000000-0000-0000-0000-000000000001' and l.mac = g.mac and l.from_at < g.leave_at and l.to_at > g.join_at limit 1
    ) mac on true
    left join lateral (
        select l.mac as client, l.site_id from leases l join sites t using (org_id, site_id)
        where mac.client is null and l.org_id = '0a000000-0000-0000-0000-000000000001' and l.ip = any(g.private_ips)
          and l.from_at < g.leave_at and l.to_at > g.join_at and g.public_ip = any(t.public_ips) limit 1
    ) ip on true
    where coalesce(mac.client, ip.client) is not null
)
select o.org_id, m.leg_id, s.start_at, s.end_at, m.provider, m.account_id, m.meeting_id, m.site_id, m.client,
    w.ap, w.band, verdict.bad, ` + word(0) + `, ` + word(1) + `, case when verdict.bad then 'unknown' else '' end,
    s.audio_in_latency_ms, s.audio_in_jitter_ms, s.audio_in_loss_avg_ratio, s.audio_out_latency_ms, s.audio_out_jitter_ms, s.audio_out_loss_avg_ratio,
    s.video_in_latency_ms, s.video_in_jitter_ms, s.video_in_loss_avg_ratio, s.video_out_latency_ms, s.video_out_jitter_ms, s.video_out_loss_avg_ratio,
    coalesce(s.system_cpu_max_percent, s.client_cpu_max_percent),
    c.rssi_dbm, c.snr_db, c.channel, c.tx_rate_mbps, c.rx_rate_mbps, c.tx_retries, c.rx_retries, c.tx_bytes, c.rx_bytes,
    r.channel, r.bandwidth_mhz, r.tx_power_dbm, r.util_ratio, r.util_interference_ratio, n.clients,
    u.rtt_ms, u.jitter_ms, u.loss_ratio, u.download_mbps, u.upload_mbps
from matched m
join orgs o on o.org_id = '0a000000-0000-0000-0000-000000000001'
join media_samples s on s.leg_id = m.leg_id
cross join lateral (
    select greatest(s.start_at, m.join_at) + (least(s.end_at, m.leave_at) - greatest(s.start_at, m.join_at)) / 2 as moment
) at
left join lateral (
    select l.ap_mac, l.band from leases l
    where l.org_id = o.org_id and l.mac = m.client and l.from_at <= at.moment and l.to_at > at.moment
    order by (l.source not in ('session', 'import')), l.to_at - l.from_at, l.from_at desc limit 1
) l on true
left join lateral (
    select * from client_samples c
    where c.org_id = o.org_id and c.mac = m.client and ` + q.covers("c.start_at", "c.end_at", "at.moment") + `
    order by c.end_at - c.start_at, c.start_at desc limit 1
) sampled on true
cross join lateral (
    select coalesce(l.ap_mac, sampled.ap_mac) as ap,
        case when l.ap_mac is null or l.band = '' and (sampled.ap_mac is null or sampled.ap_mac = l.ap_mac) then coalesce(sampled.band, '') else l.band end as band,
        l.ap_mac is null or sampled.ap_mac is null or sampled.ap_mac = l.ap_mac as same
) w
left join lateral (select sampled.* where w.same) c on true
left join lateral (
    select * from radio_samples r
    where r.org_id = o.org_id and r.ap_mac = w.ap and r.band = w.band and ` + q.covers("r.start_at", "r.end_at", "at.moment") + `
    order by r.end_at - r.start_at, r.start_at desc limit 1
) r on true
left join lateral (
    select sum(n.num_clients) as clients from radio_samples n
    where n.org_id = o.org_id and n.ap_mac = r.ap_mac and n.start_at = r.start_at and n.end_at = r.end_at
) n on true
left join lateral (
    select * from wan_samples u
    where u.org_id = o.org_id and u.site_id = m.site_id and ` + q.covers("u.start_at", "u.end_at", "at.moment") + `
    order by (u.gateway_mac = '00:00:00:00:00:00'), u.end_at - u.start_at, u.start_at desc limit 1
) u on true
cross join lateral (select ` + strings.Join(measured, ", ") + `) over_limit
cross join lateral (select greatest(` + strings.Join(worst, ", ") + `) as worst) x
cross join lateral (select case when worst is not null then true when ` + known + ` then false end as bad) verdict`
}

// joinedColumns are the columns that SQL makes: those that come of joining and judging, and
// stand first in the table. It is spared the others, of explaining and of other legs.
func (s *stage) joinedColumns() (columns, spared string) {
	s.b.Helper()
	err := s.pool.QueryRow(s.b.Context(), `select string_agg(attname, ', ' order by attnum) filter (where attnum <= last), string_agg(attname, ', ' order by attnum) filter (where attnum > last)
		from (select *, (select attnum from pg_attribute where attrelid = 'call_minutes'::regclass and attname = 'wan_upload_mbps') as last
			from pg_attribute where attrelid = 'call_minutes'::regclass and attnum > 0 and not attisdropped) a`).Scan(&columns, &spared)
	if err != nil {
		s.b.Fatal(err)
	}
	return columns, spared
}

// took is what a piece of work took.
type took struct {
	wall time.Duration
	cpu  proctime.Seconds
	rows int
}

// run makes its rows of some meetings in a table of their own, without
// parallel workers, and throws its indexes away after.
func (q baseline) run(b *testing.B, s *stage, meetings []string, cpu *proctime.Watch) (written took, read took) {
	b.Helper()
	connection, err := pgx.Connect(b.Context(), s.url)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close(b.Context())
	must := func(sql string, args ...any) int {
		b.Helper()
		tag, err := connection.Exec(b.Context(), sql, args...)
		if err != nil {
			b.Fatalf("%s: %s: %v", q.name, sql, err)
		}
		return int(tag.RowsAffected())
	}
	must("set max_parallel_workers_per_gather = 0")
	must("drop table if exists by_sql")
	must("create table by_sql (like call_minutes including all)")
	must("create table by_sql_before as select indexrelid from pg_index")
	for _, index := range q.indexes {
		must(index)
	}
	must("vacuum analyze client_samples, radio_samples, wan_samples")
	columns, _ := s.joinedColumns()
	measure := func(sql string) took {
		b.Helper()
		cpu.Lap()
		began := time.Now()
		rows := must(sql, meetings)
		return took{time.Since(began), cpu.Lap(), rows}
	}
	// Every column is made and none is sent. The second time nothing comes from disk any more.
	const unsent = "explain (analyze, timing off, summary off) "
	measure(unsent + q.query())
	read = measure(unsent + q.query())
	written = measure("insert into by_sql (" + columns + ") " + q.query())
	must(`do $$ declare i regclass; begin
		for i in select x.indexrelid from pg_index x where not exists (select from by_sql_before t where t.indexrelid = x.indexrelid)
			and not exists (select from pg_inherits h where h.inhrelid = x.indexrelid)
			and x.indrelid in (select 'client_samples'::regclass union select 'radio_samples'::regclass union select 'wan_samples'::regclass)
		loop execute format('drop index %s', i); end loop; end $$`)
	must("drop table by_sql_before")
	return written, read
}
