-- name: DataAges :many
-- How old the data of linked accounts (those with an active link, and those whose links all failed) and of the networks
-- behind active links is: how many, since when the oldest, and how many are older than each of four times. Where nothing ever
-- came, it is as old as the first link.
select kind::text as kind, count(*) as count, min(since)::timestamptz as oldest,
    array[count(*) filter (where since < @t1::timestamptz), count(*) filter (where since < @t2::timestamptz),
          count(*) filter (where since < @t3::timestamptz), count(*) filter (where since < @t4::timestamptz)]::bigint[] as older
from (
    select case when bool_or(l.status = 'active') then 'active' else 'failed' end as kind, coalesce(max(l.last_sync_at), min(l.linked_at)) as since
    from links l where l.status <> 'unlinking' group by l.provider, l.account_id
    union all
    select 'network', coalesce(o.devices_synced_at, min(l.linked_at))
    from orgs o join links l using (org_id) where l.status = 'active' and o.mist_url <> '' group by o.org_id
) aged
group by 1;

-- name: LinkCounts :many
select status, count(*) as links from links group by 1;

-- name: CredentialCounts :many
-- Credentials by what the provider said of them last; 'ok' where nothing was wrong.
select coalesce(verdict, 'ok')::text as verdict, count(*) as credentials from credentials group by 1;

-- name: UnfinishedErasures :many
-- Erasures that are not over, by what is left: rows, the token at the provider, or histories of workflows.
select stage::text as stage, count(*) as erasures, min(fenced_at)::timestamptz as since from (
    select 'rows' as stage, fenced_at from receipts where finished_at is null
    union all
    select 'token', fenced_at from receipts where token_outcome = 'pending'
    union all
    select 'histories', fenced_at from receipts where finished_at is not null and histories_erased_at is null
) left_over
group by 1;

-- name: StaleAccounts :many
-- Linked accounts that brought nothing new since a time, by the measure of DataAges, the longest first.
select l.provider, l.account_id, case when bool_or(l.status = 'active') then 'active' else 'failed' end as status,
    coalesce(max(l.last_sync_at), min(l.linked_at))::timestamptz as since,
    array_agg(l.org_id order by l.linked_at)::uuid[] as orgs,
    coalesce((array_agg(array_to_string(l.errors, '; ') order by l.linked_at) filter (where l.errors <> '{}'))[1], '')::text as problem
from links l
where l.status <> 'unlinking'
group by l.provider, l.account_id
having coalesce(max(l.last_sync_at), min(l.linked_at)) < @before::timestamptz
order by since
limit @max_rows;
