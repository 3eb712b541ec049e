-- name: Credential :one
-- The credential, and whether a link that goes on still needs it.
select sqlc.embed(c), exists (
    select from links l where l.provider = c.provider and l.account_id = c.account_id and l.status <> 'unlinking'
) as linked
from credentials c
where c.provider = $1 and c.account_id = $2;

-- name: LockCredential :one
select * from credentials where provider = $1 and account_id = $2 for update;

-- name: UpsertCredential :exec
-- A new authorization: what was before is dead at the provider by now. Of two that cross,
-- the one exchanged last stands; a repeated landing never undoes a refresh.
insert into credentials as c (provider, account_id, grant_sealed, scopes, access_expires_at, authorized_user_id, authorized_at, refreshed_at)
values (@provider, @account_id, @grant_sealed, @scopes, @access_expires_at, @authorized_user_id, @exchanged_at, @exchanged_at)
on conflict (provider, account_id) do update
set grant_sealed = excluded.grant_sealed, prior_grant_sealed = null, scopes = excluded.scopes,
    access_expires_at = excluded.access_expires_at, authorized_user_id = excluded.authorized_user_id,
    state = 'active', verdict = null, evidence = null, refresh_began_at = null, generation = c.generation + 1,
    authorized_at = excluded.authorized_at, refreshed_at = excluded.refreshed_at
where excluded.authorized_at > c.authorized_at;

-- name: RotateCredential :exec
update credentials
set grant_sealed = @grant_sealed, prior_grant_sealed = @prior_grant_sealed, scopes = @scopes,
    access_expires_at = @access_expires_at, state = 'active', verdict = @verdict, evidence = @evidence,
    refresh_began_at = null, generation = generation + 1, refreshed_at = clock_timestamp()
where provider = @provider and account_id = @account_id;

-- name: ConfirmCredential :execrows
-- Not while somebody holds the row: whoever refreshes it may do so for long, and the next
-- success confirms as well.
update credentials set prior_grant_sealed = null
where (provider, account_id) in (
    select c.provider, c.account_id from credentials c
    where c.provider = @provider and c.account_id = @account_id and c.generation = @generation for update skip locked
);

-- name: JudgeCredential :exec
update credentials
set state = @state, verdict = @verdict, evidence = @evidence,
    refresh_began_at = case when @unanswered::boolean then refresh_began_at end
where provider = @provider and account_id = @account_id;

-- name: BeginRefresh :one
-- The first of the refreshes of this pair that were never answered stays noted.
update credentials set refresh_began_at = coalesce(refresh_began_at, @now::timestamptz)
where provider = @provider and account_id = @account_id and generation = @generation and state = 'active'
returning refresh_began_at::timestamptz;
