-- name: Gaps :many
-- Every window that is not listed and every meeting that is not read, with what keeps it.
with gaps as (
    select 'window'::text as kind, w.provider, w.account_id, ''::text as meeting_id, w.from_at, w.to_at, w.origin, w.state, w.cause, w.attempts,
        w.planned_at as since, null::timestamptz as due_at, w.attempts >= @max_attempts::integer as given_up
    from windows w
    where w.state <> 'listed'
    union all
    select 'meeting', m.provider, m.account_id, m.meeting_id, m.start_at, m.end_at, m.origin, m.state, m.cause, m.attempts,
        m.seen_at, m.due_at, m.due_at is null
    from meetings m
    where m.state in ('seen', 'quarantined', 'gone', 'skipped')
)
select g.kind::text as kind, g.provider::text as provider, g.account_id::text as account_id, g.meeting_id::text as meeting_id,
    g.from_at::timestamptz as from_at, g.to_at::timestamptz as to_at, g.origin::text as origin, g.state::text as state, g.cause, g.attempts::integer as attempts,
    g.since::timestamptz as since, g.due_at, g.given_up::boolean as given_up,
    coalesce(g.origin = 'backfill' and backfills_in(g.provider, g.account_id, 'paused') && tstzrange(g.from_at, greatest(g.from_at, g.to_at), '[]')
        and not backfills_in(g.provider, g.account_id, 'running') && tstzrange(g.from_at, greatest(g.from_at, g.to_at), '[]'), false)::boolean as paused
from gaps g
where (@account_id::text = '' or g.account_id = @account_id)
  and (sqlc.narg(org_id)::uuid is null or exists (
      select from links l
      where l.provider = g.provider and l.account_id = g.account_id and l.org_id = sqlc.narg(org_id) and l.status <> 'unlinking'))
order by g.to_at desc, g.provider, g.account_id, g.kind, g.meeting_id
limit @max_rows;

-- name: AccountsWithLinks :many
-- The accounts that are harvested.
select distinct l.provider, l.account_id from links l
where l.status <> 'unlinking' and (@account_id::text = '' or l.account_id = @account_id)
  and (sqlc.narg(org_id)::uuid is null or l.org_id = sqlc.narg(org_id))
order by 1, 2
limit @max_rows;

-- name: Budget :one
-- What an account may spend on a day and has spent, what is owed, and what a day brings. A
-- read of P joins costs ceil(P/300) + ceil(P/10) requests, a window two at least. What a window
-- of the past will show is not known before.
select
    coalesce((select min(coalesce(l.max_daily_api_requests, @default_budget::integer)) from links l
     where l.provider = @provider and l.account_id = @account_id and l.status <> 'unlinking'), 0)::bigint as budget,
    (select coalesce(sum(r.spent), 0) from api_requests r
     where r.provider = @provider and r.account_id = @account_id and r.day = @day::date)::bigint as spent,
    (select coalesce(sum((greatest(m.participant_count, 1) + 299) / 300 + (greatest(m.participant_count, 1) + 9) / 10), 0) from meetings m
     where m.provider = @provider and m.account_id = @account_id and m.due_at <= @now::timestamptz)::bigint as owed_by_meetings,
    (select count(*) from meetings m
     where m.provider = @provider and m.account_id = @account_id and m.due_at <= @now::timestamptz)::bigint as meetings_due,
    open.windows::bigint as open_windows, open.hours::float8 as open_hours,
    (select coalesce(sum(((greatest(m.participant_count, 1) + 299) / 300 + (greatest(m.participant_count, 1) + 9) / 10) * greatest(m.revision, 1)), 0) from meetings m
     where m.provider = @provider and m.account_id = @account_id and m.origin = 'live' and m.start_at >= @since and m.start_at < @now)::bigint as read_lately,
    (select count(*) from windows w
     where w.provider = @provider and w.account_id = @account_id and w.listed_at >= @since)::bigint as listed_lately
from (
    select count(*) as windows, coalesce(sum(extract(epoch from w.to_at - w.from_at)) / 3600, 0) as hours from windows w
    where w.provider = @provider and w.account_id = @account_id and w.state <> 'listed' and w.attempts < @max_attempts::integer
) open;

-- name: GapCounts :many
-- How many windows and meetings are gaps, by state and cause, and since when the oldest is.
select kind::text as kind, state::text as state, cause::text as cause, count(*) as gaps, min(since)::timestamptz as since from (
    select 'window' as kind, w.state, coalesce(w.cause, '') as cause, w.planned_at as since from windows w where w.state <> 'listed'
    union all
    select 'meeting', m.state, coalesce(m.cause, ''), m.seen_at from meetings m where m.state in ('seen', 'quarantined', 'gone', 'skipped')
) g
group by 1, 2, 3;

-- name: CountAllDue :one
select count(*) from meetings where due_at is not null and due_at <= @now::timestamptz;

-- name: MostSpent :many
-- The accounts that have spent the largest parts of their budgets of a day.
select r.provider, r.account_id from (
    select provider, account_id, sum(spent) as spent from api_requests where day = @day::date group by 1, 2
) r
join (
    select provider, account_id, min(coalesce(max_daily_api_requests, @default_budget::integer)) as budget from links where status <> 'unlinking' group by 1, 2
) l using (provider, account_id)
order by r.spent / greatest(l.budget, 1) desc
limit @max_rows;
