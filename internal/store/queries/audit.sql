-- name: AddAudit :exec
insert into audit_log (org_id, actor, action, object, detail) values ($1, $2, $3, $4, $5);

-- name: AddTokenUse :exec
insert into token_uses (actor, object, detail) values (@actor, @object, @detail);

-- name: AuditLog :many
-- The newest lines of all. Uses of tokens are kept apart.
select lines.audit_id, lines.at, lines.org_id, lines.actor, lines.action, lines.object, lines.detail from (
    (select a.audit_id, a.at, a.org_id, a.actor, a.action, a.object, a.detail from audit_log a
     where a.at >= @since::timestamptz
     order by a.audit_id desc
     limit @max_rows)
    union all
    (select 0, u.at, null, u.actor, @used_action::text, u.object, u.detail from token_uses u
     where u.at >= @since
     order by u.at desc
     limit @max_rows)
) lines
order by lines.at desc, lines.audit_id desc
limit @max_rows;

-- name: AuditOfOrg :many
-- An org's own lines, and what was done with the credentials of the accounts that are linked
-- to it, since they are. Each is found by an index from its newest line on: the uses of all
-- accounts' credentials are most of the log. Uses from before they were kept apart are among
-- the others.
select lines.audit_id, lines.at, lines.org_id, lines.actor, lines.action, lines.object, lines.detail from (
    (select a.audit_id, a.at, a.org_id, a.actor, a.action, a.object, a.detail from audit_log a
     where a.org_id = @org_id::uuid and a.at >= @since::timestamptz
     order by a.at desc
     limit @max_rows)
    union all
    (select u.audit_id, u.at, u.org_id, u.actor, u.action, u.object, u.detail from links l
     cross join lateral (
        select * from audit_log a
        where a.org_id is null and a.object = l.provider || '/' || l.account_id and a.at >= greatest(@since::timestamptz, l.linked_at)
        order by a.at desc
        limit @max_rows
     ) u
     where l.org_id = @org_id)
    union all
    (select 0, u.at, null, u.actor, @used_action::text, u.object, u.detail from links l
     cross join lateral (
        select t.at, t.actor, t.object, t.detail from token_uses t
        where t.object = l.provider || '/' || l.account_id and t.at >= greatest(@since::timestamptz, l.linked_at)
        order by t.at desc
        limit @max_rows
     ) u
     where l.org_id = @org_id)
) lines
order by lines.at desc, lines.audit_id desc
limit @max_rows;

-- name: LastAudit :one
select at from audit_log where action = @action and object = @object order by audit_id desc limit 1;
