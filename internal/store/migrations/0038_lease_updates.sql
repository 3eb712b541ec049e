-- +goose Up

-- Every look at a client extends its lease, and an update that changes no indexed column
-- leaves the indexes alone (HOT). to_at was in two of them; the UTC day that it is of
-- changes but once a day.
alter table leases
    add column until_day date generated always as ((to_at at time zone 'UTC')::date) stored,
    add column long_until date generated always as ( -- null for leases of a day at most
        case when to_at - from_at > interval '24 hours' then (to_at at time zone 'UTC')::date end
    ) stored,
    set (fillfactor = 70); -- room on the page for the next version
drop index leases_long, leases_unplugged;
create index leases_long on leases (org_id, long_until, from_at) where long_until is not null;
create index leases_unplugged on leases (org_id, until_day) where wired;

-- +goose Down
drop index leases_long, leases_unplugged;
alter table leases
    drop column long_until,
    drop column until_day,
    reset (fillfactor);
create index leases_long on leases (org_id, to_at, from_at) where to_at - from_at > interval '24 hours';
create index leases_unplugged on leases (org_id, to_at) where wired;
