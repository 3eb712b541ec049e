-- A batch is found by an index and erased by where its rows are (ctid), so that its cost is
-- that of its rows: a join with the table would read all of it. In partitioned tables a
-- batch is of one UTC day, which is one partition: a ctid is unique in one table only.

-- name: SearchByIndex :exec
-- For the transaction. The planner takes a batch for cheap to find by reading the table
-- from its beginning; but there are the rows of others, and what was erased before.
select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true);

-- name: CallMinutesToErase :one
-- When one of them is, if any is left.
select c.start_at from call_minutes c
where c.provider = @provider and c.account_id = @account_id and c.org_id = @org_id
limit 1;

-- name: EraseCallMinutes :execrows
delete from call_minutes m
where m.ctid = any(array(
        select c.ctid from call_minutes c
        where c.provider = @provider and c.account_id = @account_id and c.org_id = @org_id
          and c.start_at >= @day and c.start_at < @next_day
        limit @max_rows))
  and m.provider = @provider and m.account_id = @account_id and m.org_id = @org_id
  and m.start_at >= @day and m.start_at < @next_day;

-- name: EraseMatches :execrows
delete from matches
where ctid = any(array(
    select m.ctid from matches m
    where m.provider = @provider and m.account_id = @account_id and m.org_id = @org_id
    limit @max_rows));

-- name: EraseWeaves :execrows
delete from weaves
where ctid = any(array(
    select w.ctid from weaves w
    where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id
    limit @max_rows));

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
union all select 'models', count(*) from models n where n.org_id = @org_id
union all select 'links', count(*) from links l where l.provider = @provider and l.account_id = @account_id and l.org_id = @org_id;
