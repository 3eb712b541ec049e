-- name: AddAudit :exec
insert into audit_log (org_id, actor, action, object, detail) values ($1, $2, $3, $4, $5);

-- name: AuditLog :many
-- Of an org: its own lines, and what was done with the credentials of the accounts that
-- are linked to it, since they are.
select * from audit_log a
where a.at >= @since::timestamptz
  and (sqlc.narg(org_id)::uuid is null
       or a.org_id = sqlc.narg(org_id)
       or (a.org_id is null and exists (
           select from links l
           where l.org_id = sqlc.narg(org_id) and a.object = l.provider || '/' || l.account_id and a.at >= l.linked_at)))
order by a.audit_id desc
limit @max_rows;

-- name: LastAudit :one
select at from audit_log where action = @action and object = @object order by audit_id desc limit 1;
