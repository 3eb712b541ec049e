-- name: LastListed :one
-- The first moment that live windows were planned from, up to where they were listed, and
-- up to where those were that reached back to it or by deep; 1970 where none was.
with live as (
    select (select min(w.from_at) from windows w
            where w.provider = @provider and w.account_id = @account_id and w.origin = 'live') as floor_at
)
select coalesce(live.floor_at, 'epoch')::timestamptz as floor_at,
    coalesce((select max(w.to_at) from windows w
        where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed'), 'epoch')::timestamptz as listed_to,
    coalesce((select w.to_at from windows w
        where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed'
          and w.from_at <= greatest(w.to_at - make_interval(secs => @deep_seconds::float8), live.floor_at)
        order by w.to_at desc limit 1), 'epoch')::timestamptz as deep_to
from live;

-- name: PlanWindow :exec
-- A window that was listed before and is asked for again is listed again. A backfill is what
-- somebody asked for.
insert into windows as w (provider, account_id, from_at, to_at, origin, asked)
values (@provider, @account_id, @from_at, @to_at, @origin, @origin = 'backfill')
on conflict (provider, account_id, from_at, to_at) do update
set state = 'planned', cause = null, attempts = 0, asked = w.asked or excluded.asked,
    planned_at = case when w.state = 'listed' then excluded.planned_at else w.planned_at end;

-- name: SupersedeWindows :exec
-- Live windows that were never listed and lie within an interval that is about to be.
delete from windows
where provider = @provider and account_id = @account_id and origin = 'live' and state <> 'listed' and not asked
  and from_at >= @from_at and to_at <= @to_at;

-- name: OpenWindows :many
-- What is to be listed: what is new, what could not be listed, then the past; newest first.
-- Nothing that a paused backfill alone asked for.
(select w.from_at, w.to_at, case when w.state = 'failed' then 1 else 0 end as turn from windows w
 where w.provider = @provider and w.account_id = @account_id and w.state <> 'listed' and w.attempts < @max_attempts and w.origin <> 'backfill'
 order by turn, w.to_at desc, w.from_at desc
 limit @max_rows)
union all
(select w.from_at, w.to_at, 2 as turn from windows w
 where w.provider = @provider and w.account_id = @account_id and w.state <> 'listed' and w.attempts < @max_attempts and w.origin = 'backfill'
   and (not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(w.from_at, w.to_at)
     or (select backfills_in(@provider, @account_id, 'running')) @> tstzrange(w.from_at, w.to_at))
 order by w.to_at desc, w.from_at desc
 limit @max_rows)
order by turn, to_at desc, from_at desc
limit @max_rows;

-- name: WindowAsked :one
select exists (
    select from windows
    where provider = @provider and account_id = @account_id and from_at = @from_at and to_at = @to_at and asked);

-- name: WindowWanted :one
-- Whether a window is in the ledger, and not for a paused backfill alone.
select exists (
    select from windows
    where provider = @provider and account_id = @account_id and from_at = @from_at and to_at = @to_at
      and (origin <> 'backfill'
        or not backfills_in(@provider, @account_id, 'paused') && tstzrange(from_at, to_at)
        or backfills_in(@provider, @account_id, 'running') @> tstzrange(from_at, to_at)));

-- name: WindowListed :exec
update windows
set state = 'listed', cause = null, asked = false, meetings = @meetings::integer, listed_at = now()
where provider = @provider and account_id = @account_id and from_at = @from_at and to_at = @to_at;

-- name: WindowFailed :exec
update windows
set state = 'failed', cause = @cause, attempts = attempts + @attempt::integer
where provider = @provider and account_id = @account_id and from_at = @from_at and to_at = @to_at and state <> 'listed';

-- name: PruneWindows :exec
-- Listed windows that say nothing any more: a later live window reached as far back.
delete from windows w
where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed'
  and w.to_at < @before
  and exists (
    select from windows later
    where later.provider = w.provider and later.account_id = w.account_id and later.origin = 'live' and later.state = 'listed'
      and later.from_at <= w.from_at and later.to_at > w.to_at);
