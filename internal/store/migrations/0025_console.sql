-- +goose Up

-- A code that signs one browser in, once, as the holder of a token: for a link that somebody
-- is handed. The code itself is not kept.
create table sign_in_codes (
    code_hash  bytea primary key check (length(code_hash) = 32), -- SHA-256
    token_id   uuid        not null references api_tokens on delete cascade,
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);

-- Sessions of the console are sealed cookies. What somebody signed out of is refused until
-- the cookie itself has expired.
create table ended_sessions (
    session_id uuid primary key,
    expires_at timestamptz not null
);

-- Who was shown whose name lately.
create index audit_log_object on audit_log (object, action, audit_id desc) where action = 'person revealed';

-- +goose Down
drop index audit_log_object;
drop table ended_sessions;
drop table sign_in_codes;
