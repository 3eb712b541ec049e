-- Every delete is bounded by @max_rows and finds its rows by an index, partition by partition.

-- name: EraseCallMinutes :execrows
with batch as (
    select c.org_id, c.leg_id, c.start_at from call_minutes c
    where c.provider = @provider and c.account_id = @account_id and c.org_id = @org_id
    limit @max_rows
)
delete from call_minutes m using batch b
where m.org_id = b.org_id and m.leg_id = b.leg_id and m.start_at = b.start_at;

-- name: EraseMatches :execrows
with batch as (
    select m.org_id, m.leg_id from matches m
    where m.provider = @provider and m.account_id = @account_id and m.org_id = @org_id
    limit @max_rows
)
delete from matches m using batch b where m.org_id = b.org_id and m.leg_id = b.leg_id;

-- name: EraseWeaves :execrows
with batch as (
    select w.meeting_id from weaves w
    where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id
    limit @max_rows
)
delete from weaves w using batch b
where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id and w.meeting_id = b.meeting_id;

-- name: EraseAuthorizationsOfLink :execrows
delete from authorizations
where provider = @provider and account_id = @account_id and org_id = @org_id;

-- name: EraseLink :execrows
delete from links where provider = @provider and account_id = @account_id and org_id = @org_id;

-- name: CountLinkRows :many
select 'call_minutes'::text as table_name, count(*) as rows from call_minutes c where c.provider = @provider and c.account_id = @account_id and c.org_id = @org_id
union all select 'matches', count(*) from matches m where m.provider = @provider and m.account_id = @account_id and m.org_id = @org_id
union all select 'weaves', count(*) from weaves w where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id
union all select 'authorizations', count(*) from authorizations z where z.provider = @provider and z.account_id = @account_id and z.org_id = @org_id
union all select 'links', count(*) from links l where l.provider = @provider and l.account_id = @account_id and l.org_id = @org_id;
