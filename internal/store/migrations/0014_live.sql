-- +goose Up

-- A link may want to see meetings while they run.
alter table links add column live boolean not null default false;

-- Until a past list shows a meeting, its list_kind and state are 'live', its end_at is when it
-- was seen running last, and it is due when it should have appeared in the past long since.
-- What is stored of it is provisional until the record of the ended meeting was read.
alter table meetings add column provisional boolean not null default false;
alter table meetings drop constraint meetings_list_kind_check;
alter table meetings add constraint meetings_list_kind_check check (list_kind in ('past', 'past_one', 'live'));
alter table meetings drop constraint meetings_state_check;
alter table meetings add constraint meetings_state_check
    check (state in ('live', 'seen', 'read', 'settled', 'quarantined', 'gone', 'skipped'));

-- What is woven was provisional when it was. Not that of the meeting: its record is read
-- before it is woven.
alter table weaves add column provisional boolean not null default false;
create index weaves_provisional on weaves (org_id) where provisional;

-- +goose Down
drop index weaves_provisional;
alter table weaves drop column provisional;
update meetings set state = 'seen', due_at = now() where state = 'live';
update meetings set list_kind = 'past' where list_kind = 'live';
alter table meetings drop constraint meetings_state_check;
alter table meetings add constraint meetings_state_check
    check (state in ('seen', 'read', 'settled', 'quarantined', 'gone', 'skipped'));
alter table meetings drop constraint meetings_list_kind_check;
alter table meetings add constraint meetings_list_kind_check check (list_kind in ('past', 'past_one'));
alter table meetings drop column provisional;
alter table links drop column live;
