-- name: SweptBefore :many
-- Those of the given executions whose deletion was asked for a moment ago.
select run_id from swept_executions
where receipt_id = @receipt_id and run_id = any(@run_ids::text[]) and asked_at > now() - make_interval(secs => @patience_s::float8);

-- name: AddSwept :one
-- How many of them were not asked for before.
with added as (
    insert into swept_executions as s (receipt_id, run_id) select @receipt_id::uuid, unnest(@run_ids::text[])
    on conflict (receipt_id, run_id) do update set asked_at = now()
    returning s.xmax = 0 as is_new
)
select count(*) from added where is_new;

-- name: CountSwept :exec
update receipts set executions_deleted = executions_deleted + @executions::integer where receipt_id = @receipt_id;

-- name: NoteSweep :exec
update receipts set executions_left = @executions_left::integer where receipt_id = @receipt_id;

-- name: FinishSweep :execrows
update receipts set executions_left = 0, histories_erased_at = clock_timestamp() where receipt_id = $1;

-- name: ForgetSwept :exec
delete from swept_executions where receipt_id = $1;

-- name: ForgetDestroyedKeys :exec
-- What marks a destroyed key keeps late writers from making a new one. When no workflow of
-- the link is left there are none, and the mark would be the last that names account and org.
delete from vault.data_keys where scope = any(@scopes::text[]) and key_sealed is null;

-- name: LinkGoesOn :one
select exists (select from links where provider = @provider and account_id = @account_id and org_id = @org_id and status <> 'unlinking');

-- name: DropStaleAuthorizations :execrows
-- Attempts of any org that came to nothing.
delete from authorizations where account_id is null and expires_at < @before;
