-- +goose Up

-- What came of an org's network about a time of which meetings may have been woven, until
-- these are found and queued again.
create table late_devices (
    late_id    bigint generated always as identity primary key,
    org_id     uuid        not null,
    kind       text        not null check (kind in ('client', 'radio', 'wan', 'lease', 'all')),
    device     macaddr,              -- the client or the access point
    site_id    uuid,                 -- not of client samples
    from_at    timestamptz not null, -- what is new begins
    to_at      timestamptz not null,
    source     text,                 -- of leases: with lease_from and device their key, and what they say
    lease_from timestamptz,
    ip         inet,
    ap_mac     macaddr,
    band       text,
    named      boolean,
    landed_at  timestamptz not null default now()
);
create index late_devices_org on late_devices (org_id, landed_at, late_id);
create index late_devices_lease on late_devices (org_id, device, lease_from) where kind = 'lease';

-- Grows with every time that late devices are looked through: who weaves meanwhile may have
-- missed them.
alter table orgs add column late_marks bigint not null default 0;

-- A meeting is to be woven anew also where devices that came late touch it.
drop index weaves_pending;
alter table weaves drop column pending;
alter table weaves
    add column devices_revision integer not null default 0,       -- grows with late devices that touch it
    add column woven_devices_revision integer not null default 0; -- that was woven
alter table weaves
    add column pending boolean not null generated always as (read_revision > revision or devices_revision > woven_devices_revision) stored;
-- What was never woven comes first.
create index weaves_pending on weaves (provider, account_id, org_id, (read_revision <= revision), end_at, meeting_id) where pending;
analyze weaves;

-- What overlaps an interval begins within it or shortly before; the few that last longer
-- have an index of their own.
create index meetings_long on meetings (provider, account_id, end_at, start_at) where end_at - start_at > interval '2 hours';
create index call_minutes_long on call_minutes (org_id, end_at, start_at) where end_at - start_at > interval '2 minutes';

-- +goose Down
drop index call_minutes_long, meetings_long, weaves_pending;
alter table weaves drop column pending;
alter table weaves drop column devices_revision, drop column woven_devices_revision;
alter table weaves add column pending boolean not null generated always as (read_revision > revision) stored;
create index weaves_pending on weaves (provider, account_id, org_id, end_at, meeting_id) where pending;
analyze weaves;
alter table orgs drop column late_marks;
drop table late_devices;
