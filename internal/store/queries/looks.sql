-- name: BeginLook :one
-- Claims an account's ledger and tells all that decides whether there is anything to do:
-- one statement, because most accounts have nothing most of the time. Where the account was
-- not listed up to @at and the access token serves, the requests of the lists are charged
-- and its use is noted as well.
with fence as materialized (
    select true from links
    where provider = @provider and account_id = @account_id and status <> 'unlinking'
    limit 1
    for share
), claim as (
    insert into harvest_claims as c (provider, account_id, workflow_id, run_id, expires_at)
    select @provider::text, @account_id::text, @workflow_id::text, @run_id::text, now() + make_interval(secs => @hold_seconds::float8) from fence
    on conflict (provider, account_id) do update
    set workflow_id = excluded.workflow_id, run_id = excluded.run_id, expires_at = excluded.expires_at
    where (c.workflow_id, c.run_id) = (excluded.workflow_id, excluded.run_id) or c.expires_at < now()
    returning true as ours
), live as (
    select (select min(w.from_at) from windows w
            where w.provider = @provider and w.account_id = @account_id and w.origin = 'live') as floor_at,
        (select max(w.to_at) from windows w
            where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed') as listed_to
), reserved as materialized (
    select reserve_requests(@provider, @account_id, @day::date, @category::text, @requests::bigint, @default_budget::integer) as granted
    from claim
    cross join live
    join credentials c on c.provider = @provider and c.account_id = @account_id
    where @requests > 0 and live.listed_to < @at::timestamptz and c.state = 'active' and c.access_expires_at > @usable_until::timestamptz
), noted as (
    insert into token_uses (actor, object, detail)
    select @actor::text, @object::text, @detail::jsonb from reserved where granted and @actor <> ''
)
select
    exists (select from fence) as linked,
    exists (select from claim) as claimed,
    coalesce((select h.workflow_id from harvest_claims h where h.provider = @provider and h.account_id = @account_id), '')::text as held_by,
    coalesce((select granted from reserved), false)::boolean as granted,
    (select k.key_sealed from vault.data_keys k where k.scope = @scope::text) as key_sealed,
    c.grant_sealed, c.prior_grant_sealed, coalesce(c.scopes, '{}')::text[] as scopes, c.state, c.access_expires_at, coalesce(c.generation, 0)::bigint as generation,
    coalesce(live.floor_at, 'epoch')::timestamptz as floor_at,
    coalesce(live.listed_to, 'epoch')::timestamptz as listed_to,
    coalesce((select w.to_at from windows w
        where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed'
          and w.from_at <= greatest(w.to_at - make_interval(secs => @deep_seconds::float8), live.floor_at)
        order by w.to_at desc limit 1), 'epoch')::timestamptz as deep_to,
    coalesce(open.count, 0)::bigint as open_windows,
    coalesce(open.from_at, 'epoch')::timestamptz as open_from,
    coalesce(open.to_at, 'epoch')::timestamptz as open_to,
    coalesce(open.kept, false)::boolean as open_kept,
    exists (select from meetings m where m.provider = @provider and m.account_id = @account_id and m.due_at <= @now::timestamptz
        and (m.origin <> 'backfill'
          or not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]')
          or (select backfills_in(@provider, @account_id, 'running')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]'))) as due,
    exists (select from links l where l.provider = @provider and l.account_id = @account_id and l.live and l.status = 'active') as live,
    array(select unnest(pending.orgs) union select unnest(judged.orgs))::uuid[] as weave_orgs,
    coalesce(pending.waiting, 0)::bigint as waiting,
    (select coalesce(sum(r.spent), 0) from api_requests r where r.provider = @provider and r.account_id = @account_id)::bigint as requests_before
from live
left join credentials c on c.provider = @provider and c.account_id = @account_id
cross join lateral (
    select count(*) as count, min(w.from_at) as from_at, max(w.to_at) as to_at, bool_or(w.origin <> 'live' or w.asked) as kept
    from windows w
    where w.provider = @provider and w.account_id = @account_id and w.state <> 'listed' and w.attempts < @max_attempts
      and (w.origin <> 'backfill'
        or not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(w.from_at, w.to_at)
        or (select backfills_in(@provider, @account_id, 'running')) @> tstzrange(w.from_at, w.to_at))
) open
cross join lateral (
    select array_agg(distinct w.org_id) filter (where w.end_at <= o.devices_synced_at) as orgs,
        count(*) filter (where not coalesce(w.end_at <= o.devices_synced_at, false)) as waiting
    from weaves w
    join links l on l.provider = w.provider and l.account_id = w.account_id and l.org_id = w.org_id and l.status <> 'unlinking'
    join orgs o on o.org_id = w.org_id
    where w.provider = @provider and w.account_id = @account_id and w.pending
) pending
cross join lateral (
    select array_agg(l.org_id) as orgs
    from links l
    join orgs o on o.org_id = l.org_id
    where l.provider = @provider and l.account_id = @account_id and l.status <> 'unlinking' and o.thresholds_revision > 0
      and exists (select from weaves w where w.org_id = l.org_id and w.provider = l.provider and w.account_id = l.account_id
        and w.revision > 0 and w.thresholds_revision < o.thresholds_revision)
) judged;

-- name: EndLook :one
-- Notes a window that was listed, or why it was not, what that says about the account's
-- links, and that the access token worked, and gives the ledger back. Live windows within
-- it that were never listed have had their day, as have listed ones that a later one covers.
with confirmed as (
    update credentials c set prior_grant_sealed = null
    where c.provider = @provider and c.account_id = @account_id and c.generation = @generation::bigint and c.prior_grant_sealed is not null
    returning true
), locked as materialized (
    select o.org_id from links o
    where o.provider = @provider and o.account_id = @account_id and o.status <> 'unlinking'
      and (select count(*) from confirmed) >= 0 -- a credential is locked before links, by everybody
    order by o.org_id for no key update
), superseded as (
    delete from windows w
    where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state <> 'listed' and not w.asked
      and w.from_at >= @from_at::timestamptz and w.to_at <= @to_at::timestamptz and (w.from_at, w.to_at) <> (@from_at::timestamptz, @to_at::timestamptz)
      and @from_at < @to_at and exists (select from locked)
), pruned as (
    delete from windows w
    where w.provider = @provider and w.account_id = @account_id and w.origin = 'live' and w.state = 'listed'
      and w.to_at < @prune_before::timestamptz and exists (select from locked)
      and exists (
        select from windows later
        where later.provider = w.provider and later.account_id = w.account_id and later.origin = 'live' and later.state = 'listed'
          and later.from_at <= w.from_at and later.to_at > w.to_at)
), noted as (
    insert into windows as w (provider, account_id, from_at, to_at, origin, state, cause, meetings, listed_at)
    select @provider::text, @account_id::text, @from_at, @to_at, 'live', case when @cause::text = '' then 'listed' else 'failed' end,
        nullif(@cause, ''), case when @cause = '' then @meetings::integer end, case when @cause = '' then now() end
    where @from_at < @to_at and exists (select from locked)
    on conflict (provider, account_id, from_at, to_at) do update
    set state = excluded.state, cause = excluded.cause, meetings = excluded.meetings, listed_at = excluded.listed_at
    where @cause = '' or w.state <> 'listed'
), released as (
    delete from harvest_claims h
    where h.provider = @provider and h.account_id = @account_id and h.workflow_id = @workflow_id and h.run_id = @run_id
), synced as (
    update links l
    set last_sync_at = case when @success::boolean then @now::timestamptz else l.last_sync_at end,
        last_status = case when l.status = 'active' and @success then 'success' else 'failed' end,
        errors = case when l.status = 'active' then @errors::text[] else l.errors end
    from locked
    where @told::boolean and l.provider = @provider and l.account_id = @account_id and l.org_id = locked.org_id
)
select count(*) from locked;

-- name: RefundRequests :exec
update api_requests set spent = greatest(0, spent - @requests::bigint)
where provider = @provider and account_id = @account_id and day = @day and category = @category;
