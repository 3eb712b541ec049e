-- name: AddAudit :exec
insert into audit_log (org_id, actor, action, object, detail) values ($1, $2, $3, $4, $5);

-- name: AuditLog :many
select * from audit_log
where at >= @since::timestamptz
order by audit_id desc
limit @max_rows;

-- name: AuditOfOrg :many
-- An org's own lines, and what was done with the credentials of the accounts that are linked
-- to it, since they are. Each is found by an index from its newest line on: the uses of all
-- accounts' credentials are most of the log.
select * from (
    (select * from audit_log a
     where a.org_id = @org_id::uuid and a.at >= @since::timestamptz
     order by a.at desc
     limit @max_rows)
    union all
    (select u.* from links l
     cross join lateral (
        select * from audit_log a
        where a.org_id is null and a.object = l.provider || '/' || l.account_id and a.at >= greatest(@since::timestamptz, l.linked_at)
        order by a.at desc
        limit @max_rows
     ) u
     where l.org_id = @org_id)
) a
order by a.at desc, a.audit_id desc
limit @max_rows;

-- name: LastAudit :one
select at from audit_log where action = @action and object = @object order by audit_id desc limit 1;
