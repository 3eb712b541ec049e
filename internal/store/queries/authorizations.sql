-- name: Authorization :one
select * from authorizations where authorization_id = $1;

-- name: KeepGrant :one
-- The code has done its work: what it gave takes its place.
update authorizations set grant_sealed = $2, code_sealed = null
where authorization_id = $1 and state = 'returned'
returning org_id, provider, requested_by;

-- name: LockAuthorization :one
-- The authorization as whoever lands it must find it; nobody refuses it meanwhile.
select state from authorizations where authorization_id = $1 for no key update;

-- name: FinishAuthorization :execrows
update authorizations
set state = 'linked', account_id = $2, code_sealed = null, grant_sealed = null, verifier_sealed = ''
where authorization_id = $1 and state = 'returned';

-- name: RefuseAuthorization :execrows
update authorizations
set state = 'refused', error_code = $2, code_sealed = null, grant_sealed = null, verifier_sealed = ''
where authorization_id = $1 and state in ('offered', 'returned');
