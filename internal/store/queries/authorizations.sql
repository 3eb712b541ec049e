-- name: Authorization :one
select * from authorizations where authorization_id = $1;

-- name: ForgetCode :one
-- The code has done its work: what it gave takes its place.
update authorizations set code_sealed = null
where authorization_id = $1 and state = 'returned'
returning org_id, provider, requested_by;

-- name: LockAuthorization :one
-- The authorization as whoever lands it must find it; nobody refuses it meanwhile.
select state from authorizations where authorization_id = $1 for no key update;

-- name: NoteAuthorization :exec
-- Why it is not linked yet.
update authorizations set error_code = $2 where authorization_id = $1 and state = 'returned';

-- name: FinishAuthorization :execrows
update authorizations
set state = 'linked', account_id = $2, error_code = null, code_sealed = null, verifier_sealed = ''
where authorization_id = $1 and state = 'returned';

-- name: RefuseAuthorization :execrows
update authorizations
set state = 'refused', error_code = $2, code_sealed = null, verifier_sealed = ''
where authorization_id = $1 and state in ('offered', 'returned');

-- name: AddUnlandedGrant :exec
insert into unlanded_grants (authorization_id, provider, grant_sealed) values ($1, $2, $3)
on conflict (authorization_id) do update set grant_sealed = excluded.grant_sealed;

-- name: UnlandedGrant :one
select * from unlanded_grants where authorization_id = $1;

-- name: KeepUnlandedGrant :execrows
update unlanded_grants
set grant_sealed = coalesce(sqlc.narg(grant_sealed), grant_sealed), shared = shared or @shared::boolean
where authorization_id = @authorization_id;

-- name: DropUnlandedGrant :execrows
delete from unlanded_grants where authorization_id = $1;

-- name: DropSharedGrant :exec
delete from unlanded_grants where authorization_id = $1 and shared;
