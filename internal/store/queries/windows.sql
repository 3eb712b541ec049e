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
set state = 'planned', cause = null, attempts = 0, asked = w.asked or excluded.asked;

-- name: SupersedeWindows :exec
-- Live windows that were never listed and lie within an interval that is about to be.
delete from windows
where provider = @provider and account_id = @account_id and origin = 'live' and state <> 'listed' and not asked
  and from_at >= @from_at and to_at <= @to_at;

-- name: OpenWindows :many
-- What is to be listed, newest first.
select from_at, to_at from windows
where provider = @provider and account_id = @account_id and state <> 'listed' and attempts < @max_attempts
order by to_at desc, from_at desc
limit @max_rows;

-- name: OpenWithin :one
-- What is not listed of an interval; of causes, what is known.
select count(*) as windows, coalesce(min(from_at), 'epoch')::timestamptz as from_at, coalesce(max(to_at), 'epoch')::timestamptz as to_at,
    coalesce(array_agg(distinct cause) filter (where cause is not null), '{}')::text[] as causes
from windows
where provider = @provider and account_id = @account_id and state <> 'listed' and from_at >= @from_at and to_at <= @to_at;

-- name: WindowAsked :one
select exists (
    select from windows
    where provider = @provider and account_id = @account_id and from_at = @from_at and to_at = @to_at and asked);

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
