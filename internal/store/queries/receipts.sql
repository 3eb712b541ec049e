-- name: OpenReceipt :one
-- The receipt of an unlinking under way; made by its fence.
select * from receipts where provider = $1 and account_id = $2 and org_id = $3 and finished_at is null;

-- name: LastReceipt :one
select * from receipts where provider = $1 and account_id = $2 and org_id = $3 order by fenced_at desc limit 1;

-- name: Receipt :one
select * from receipts where receipt_id = $1;

-- name: AddReceipt :one
insert into receipts (provider, account_id, org_id, reason, fenced_at, last_link, last_of_org)
values ($1, $2, $3, $4, $5, $6, $7)
returning *;

-- name: TakeTime :exec
-- For the transaction: counting all that years have left takes as long as it takes.
select set_config('statement_timeout', '0', true);

-- name: CountedReceipt :exec
-- Only the first count is from before the first batch.
update receipts set rows_before = $2 where receipt_id = $1 and rows_before = '{}';

-- name: NarrowReceipt :exec
-- A link came up meanwhile: what it needs is not erased after all.
update receipts
set last_link = @last_link, last_of_org = @last_of_org, rows_before = rows_before - @kept_tables::text[]
where receipt_id = @receipt_id;

-- name: FinishReceipt :one
update receipts
set finished_at = clock_timestamp(), rows_after = $2, keys_destroyed = $3
where receipt_id = $1
returning *;

-- name: SetTokenOutcome :exec
update receipts set token_outcome = $2, token_evidence = $3, token_at = now() where receipt_id = $1;

-- name: LaterErasureOfAccount :one
-- Another open receipt that takes the account's own data: the one fenced last does.
select exists (
    select from receipts o
    where o.provider = @provider and o.account_id = @account_id and o.receipt_id <> @receipt_id and o.finished_at is null and o.last_link
      and (o.fenced_at, o.receipt_id) > (@fenced_at::timestamptz, @receipt_id::uuid)
);

-- name: LaterErasureOfOrg :one
select exists (
    select from receipts o
    where o.org_id = @org_id and o.receipt_id <> @receipt_id and o.finished_at is null and o.last_of_org
      and (o.fenced_at, o.receipt_id) > (@fenced_at::timestamptz, @receipt_id::uuid)
);

-- name: AddRevocation :exec
insert into revocations (receipt_id, provider, account_id, grant_sealed)
values ($1, $2, $3, $4)
on conflict (receipt_id) do nothing;

-- name: Revocation :one
select * from revocations where receipt_id = $1;

-- name: RotateRevocation :exec
update revocations set grant_sealed = $2 where receipt_id = $1;

-- name: DropRevocation :execrows
delete from revocations where receipt_id = $1;

-- name: ReplaceRevocations :exec
-- A new authorization ended the grants that wait to be revoked (Zoom error 4741).
with gone as (
    delete from revocations v where v.provider = $1 and v.account_id = $2 returning v.receipt_id
)
update receipts r
set token_outcome = 'already_dead', token_evidence = 'replaced by a new authorization', token_at = now()
from gone where r.receipt_id = gone.receipt_id;
