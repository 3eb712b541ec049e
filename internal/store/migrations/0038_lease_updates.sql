-- +goose Up

-- Every look at a client extends its lease, and an update that changes no indexed column
-- leaves the indexes alone (HOT). to_at was in one, for the few leases of more than a day;
-- the day until which such a lease goes changes but once a day.
alter table leases
    add column long_until date generated always as ( -- UTC; null for leases of a day at most
        case when to_at - from_at > interval '24 hours' then (to_at at time zone 'UTC')::date end
    ) stored,
    set (fillfactor = 70); -- room on the page for the next version
drop index leases_long;
create index leases_long on leases (org_id, long_until, from_at) where long_until is not null;

-- +goose Down
drop index leases_long;
alter table leases
    drop column long_until,
    reset (fillfactor);
create index leases_long on leases (org_id, to_at, from_at) where to_at - from_at > interval '24 hours';
