-- name: AddAudit :exec
insert into audit_log (org_id, actor, action, object, detail) values ($1, $2, $3, $4, $5);

-- name: AuditOfOrg :many
select * from audit_log where org_id = @org_id order by audit_id desc limit @max_rows;
