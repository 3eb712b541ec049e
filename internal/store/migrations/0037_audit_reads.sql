-- +goose NO TRANSACTION

-- Made beside writers, for whom the log must not be locked; repeated from the start where a
-- run was broken off.

-- +goose Up

-- What was done with an account's credential, the newest first. It grows with every use: an
-- org that reads its part must not read through that of all.
drop index concurrently if exists audit_log_account;
create index concurrently audit_log_account on audit_log (object, at desc) where org_id is null;

-- Lines come in the order of time: what is about since when is some pages, and costs writers nothing.
drop index concurrently if exists audit_log_at;
create index concurrently audit_log_at on audit_log using brin (at);

-- +goose Down
drop index audit_log_at;
drop index audit_log_account;
