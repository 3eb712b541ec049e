-- name: AddSignInCode :execrows
insert into sign_in_codes (code_hash, token_id, expires_at)
select @code_hash::bytea, t.token_id, @expires_at::timestamptz
from api_tokens t where t.token_id = @token_id and t.org_id = @org_id and t.revoked_at is null;

-- name: TakeSignInCode :one
-- The code is gone with the first who asks for it.
with taken as (
    delete from sign_in_codes where code_hash = @code_hash returning token_id, expires_at
)
select t.* from taken join api_tokens t using (token_id)
where taken.expires_at > @now::timestamptz and t.revoked_at is null;

-- name: DropStaleSignInCodes :exec
delete from sign_in_codes where expires_at <= @now::timestamptz;

-- name: EndSession :exec
insert into ended_sessions (session_id, expires_at) values (@session_id, @expires_at)
on conflict (session_id) do nothing;

-- name: DropExpiredSessions :exec
delete from ended_sessions where expires_at <= @now::timestamptz;

-- name: SessionEnded :one
select exists (select from ended_sessions where session_id = @session_id);
