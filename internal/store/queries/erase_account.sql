-- What was harvested of an account. The ledger goes first: should a new link come up in
-- the middle, what is gone is a gap again and is harvested anew.

-- name: EraseWindows :execrows
delete from windows
where ctid = any(array(
    select w.ctid from windows w where w.provider = @provider and w.account_id = @account_id limit @max_rows));

-- name: LegsToErase :many
select leg_id from legs where provider = @provider and account_id = @account_id limit @max_rows;

-- name: EraseMediaSamples :execrows
delete from media_samples where leg_id = any(@legs::bigint[]);

-- name: EraseLegs :execrows
delete from legs where leg_id = any(@legs::bigint[]);

-- name: EraseMeetings :execrows
-- Only those without legs, which would go with them unseen.
delete from meetings m
where m.ctid = any(array(
        select b.ctid from meetings b where b.provider = @provider and b.account_id = @account_id limit @max_rows))
  and not exists (select from legs l where l.provider = m.provider and l.account_id = m.account_id and l.meeting_id = m.meeting_id);

-- name: EraseRequests :execrows
delete from api_requests where provider = $1 and account_id = $2;

-- name: EraseClaims :execrows
delete from harvest_claims where provider = $1 and account_id = $2;

-- name: EraseBackfills :execrows
delete from backfills where provider = $1 and account_id = $2;

-- name: EraseCredential :execrows
delete from credentials where provider = $1 and account_id = $2;

-- name: EraseAccount :execrows
delete from accounts where provider = $1 and account_id = $2;

-- name: CountAccountRows :many
select 'windows'::text as table_name, count(*) as rows from windows w where w.provider = @provider and w.account_id = @account_id
union all select 'meetings', count(*) from meetings m where m.provider = @provider and m.account_id = @account_id
union all select 'legs', count(*) from legs l where l.provider = @provider and l.account_id = @account_id
union all select 'media_samples', count(*) from media_samples s join legs j using (leg_id) where j.provider = @provider and j.account_id = @account_id
union all select 'api_requests', count(*) from api_requests q where q.provider = @provider and q.account_id = @account_id
union all select 'harvest_claims', count(*) from harvest_claims h where h.provider = @provider and h.account_id = @account_id
union all select 'backfills', count(*) from backfills b where b.provider = @provider and b.account_id = @account_id
union all select 'webhook_events', count(*) from webhook_events e where e.provider = @provider and e.account_id = @account_id
union all select 'credentials', count(*) from credentials c where c.provider = @provider and c.account_id = @account_id
union all select 'accounts', count(*) from accounts a where a.provider = @provider and a.account_id = @account_id;
