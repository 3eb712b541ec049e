-- +goose Up

-- Uses of access tokens, one line for each activity that reads with one: a million and more a
-- day, where all other lines of the audit log are some hundred. They are read together with the
-- audit log, and apart from it they can be dropped by the day, while it stays append only as it
-- is. Uses from before this table are in the audit log and stay there.
create table token_uses (
    at     timestamptz not null default now(),
    actor  text        not null, -- as in audit_log
    object text        not null, -- provider/account
    detail jsonb       not null default '{}'
) partition by range (at);

create index token_uses_at on token_uses (at);
create index token_uses_object on token_uses (object, at);

-- Of rows, which partitions inherit; a day is dropped whole.
create trigger token_uses_append_only before update or delete on token_uses
    for each row execute function refuse_change();
create trigger token_uses_not_truncated before truncate on token_uses
    for each statement execute function refuse_change();
alter table token_uses enable always trigger token_uses_append_only;
alter table token_uses enable always trigger token_uses_not_truncated;

-- +goose Down
insert into audit_log (at, actor, action, object, detail)
select at, actor, 'token used', object, detail from token_uses order by at;
drop table token_uses;
