-- name: FenceShare :one
-- The link as a writer must find it; waits for a fence that is being put up.
select true from links
where provider = $1 and account_id = $2 and org_id = $3 and status <> 'unlinking'
for share;

-- name: FenceShareAccount :one
select true from links
where provider = $1 and account_id = $2 and status <> 'unlinking'
limit 1
for share;

-- name: ShareAccount :one
-- Waits for a link of the account that is being made or ended, and makes them wait.
select true from accounts where provider = $1 and account_id = $2 for share;

-- name: FenceShareLinks :many
select org_id from links
where provider = $1 and account_id = $2 and status <> 'unlinking'
order by org_id
for share;

-- name: FenceShareOrg :one
select true from links
where org_id = $1 and status <> 'unlinking'
limit 1
for share;

-- name: LockOrg :one
-- Not FOR UPDATE: foreign keys to the row are checked meanwhile.
select true from orgs where org_id = $1 for no key update;

-- name: LockAccount :one
select true from accounts where provider = $1 and account_id = $2 for no key update;

-- name: UpsertAccount :exec
insert into accounts (provider, account_id, account_number, company_sealed)
values ($1, $2, $3, $4)
on conflict (provider, account_id) do update
set account_number = excluded.account_number, company_sealed = excluded.company_sealed;

-- name: Account :one
select * from accounts where provider = $1 and account_id = $2;

-- name: OtherLinks :one
-- How many links besides one the account has, and how many the org has, that go on.
select
    (select count(*) from links a where a.provider = @provider and a.account_id = @account_id and a.org_id <> @org_id and a.status <> 'unlinking') as of_account,
    (select count(*) from links o where o.org_id = @org_id and (o.provider, o.account_id) <> (@provider::text, @account_id::text) and o.status <> 'unlinking') as of_org;

-- name: UpsertLink :exec
-- What was harvested for the account's other links serves this one too: it is as fresh
-- as they are.
insert into links (provider, account_id, org_id, linked_by_sealed, last_sync_at, last_status)
select @provider::text, @account_id::text, @org_id::uuid, @linked_by_sealed::bytea, max(o.last_sync_at), case when max(o.last_sync_at) is not null then 'success' end
from links o
where o.provider = @provider and o.account_id = @account_id and o.status = 'active'
on conflict (provider, account_id, org_id) do update
set linked_by_sealed = excluded.linked_by_sealed, linked_at = now();

-- name: ReviveLinks :exec
-- New credentials serve every link of the account: what was wrong with the old ones is over.
-- Whoever changes all links of an account locks them by org first: two that locked them
-- as the table has them would wait for each other.
with locked as materialized (
    select o.org_id from links o
    where o.provider = $1 and o.account_id = $2 and o.status <> 'unlinking'
    order by o.org_id for no key update
)
update links l
set status = 'active', errors = '{}', last_status = nullif(last_status, 'failed'), missing_scopes = $3
from locked
where l.provider = $1 and l.account_id = $2 and l.org_id = locked.org_id;

-- name: FailLinks :many
with locked as materialized (
    select o.org_id from links o
    where o.provider = $1 and o.account_id = $2 and o.status = 'active'
    order by o.org_id for no key update
)
update links l
set status = 'failed', last_status = 'failed', errors = array[$3::text]
from locked
where l.provider = $1 and l.account_id = $2 and l.org_id = locked.org_id
returning l.org_id;

-- name: FenceLink :one
update links
set status = 'unlinking', unlink_requested_at = coalesce(unlink_requested_at, now())
where provider = $1 and account_id = $2 and org_id = $3
returning unlink_requested_at::timestamptz;

-- name: Link :one
select sqlc.embed(l), sqlc.embed(a), c.state as credential_state, c.verdict, c.evidence
from links l
join accounts a using (provider, account_id)
left join credentials c using (provider, account_id)
where l.provider = $1 and l.account_id = $2 and l.org_id = $3;

-- name: LinksOfAccount :many
select * from links where provider = $1 and account_id = $2 order by org_id;

-- name: LinksThatGoOn :one
select
    exists (select from links a where a.provider = @provider and a.account_id = @account_id and a.status <> 'unlinking') as of_account,
    exists (select from links o where o.org_id = @org_id and o.status <> 'unlinking') as of_org;
