-- +goose Up

-- The trigger fires in sessions too that switch triggers off with session_replication_role,
-- as tools that load or copy data do.
alter table audit_log enable always trigger audit_log_append_only;

-- +goose Down
alter table audit_log enable trigger audit_log_append_only;
