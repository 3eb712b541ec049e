-- +goose Up

-- A meeting whose media samples or device data are no longer kept: what comes late must not
-- have it woven again from the rest. Its minutes are still judged anew.
alter table weaves add column final boolean not null default false;

-- +goose Down
alter table weaves drop column final;
