-- +goose Up
-- Somebody asked for the window since it was listed: what could not be read in it is tried
-- again.
alter table windows add column asked boolean not null default false;
update windows set asked = origin = 'backfill' and state <> 'listed';

-- An operator may give up on a meeting that cannot be read.
alter table meetings drop constraint meetings_state_check;
alter table meetings add constraint meetings_state_check
    check (state in ('seen', 'read', 'settled', 'quarantined', 'gone', 'skipped'));

-- +goose Down
alter table windows drop column asked;
update meetings set state = 'gone' where state = 'skipped';
alter table meetings drop constraint meetings_state_check;
alter table meetings add constraint meetings_state_check
    check (state in ('seen', 'read', 'settled', 'quarantined', 'gone'));
