-- name: HarvestedAccount :one
-- How many links of the account go on, and whether one of them keeps what identifies guests.
select count(*) as links, coalesce(bool_or(not discard_guest_info), false)::boolean as keep_guests
from links where provider = @provider and account_id = @account_id and status <> 'unlinking';

-- name: LinksSynced :many
-- A failed link keeps what it failed with; what was harvested before is woven for it too.
with locked as materialized (
    select o.org_id from links o
    where o.provider = @provider and o.account_id = @account_id and o.status <> 'unlinking'
    order by o.org_id for no key update
)
update links l
set last_sync_at = case when @success::boolean then @now::timestamptz else last_sync_at end,
    last_status = case when status = 'active' and @success::boolean then 'success' else 'failed' end,
    errors = case when status = 'active' then @errors::text[] else errors end
from locked
where l.provider = @provider and l.account_id = @account_id and l.org_id = locked.org_id
returning l.org_id;

-- name: HarvestedOrgs :many
select org_id from links where provider = @provider and account_id = @account_id and status <> 'unlinking' order by org_id;
