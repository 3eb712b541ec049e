-- name: AddToken :one
insert into api_tokens (token_hash, org_id, role) values ($1, $2, $3) returning token_id;

-- name: TokenByHash :one
select * from api_tokens where token_hash = $1 and revoked_at is null;

-- name: TokensByHash :many
select * from api_tokens where token_hash = any(@hashes::bytea[]) and revoked_at is null;

-- name: TouchToken :exec
-- At most once a minute: a busy client must not turn every read into a write.
update api_tokens set last_used_at = now()
where token_id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute');

-- name: TokensOfOrg :many
select * from api_tokens where org_id = $1 order by created_at, token_id;

-- name: RevokeToken :execrows
update api_tokens set revoked_at = now() where token_id = $1 and org_id = $2 and revoked_at is null;
