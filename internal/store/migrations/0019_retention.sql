-- +goose Up

-- For how many days an org's data are kept; null is what the worker is configured with.
alter table orgs
    add column keep_minutes_days integer check (keep_minutes_days > 0), -- call minutes and matches
    add column keep_media_days   integer check (keep_media_days > 0),   -- of accounts that are linked to it
    add column keep_devices_days integer check (keep_devices_days > 0); -- leases and device samples

-- The day on which what had expired was last removed: the search for it is for once a day.
create table retentions (
    only_row boolean primary key default true check (only_row),
    day      date    not null
);

-- +goose Down
drop table retentions;
alter table orgs drop column keep_minutes_days, drop column keep_media_days, drop column keep_devices_days;
