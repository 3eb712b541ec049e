-- +goose Up

-- Public addresses that a site was seen under and is no more, each with until when: what was
-- called before then is still told by them.
alter table sites
    add column former_public_ips inet[]        not null default '{}',
    add column former_until      timestamptz[] not null default '{}';

-- A site whose addresses are others than meetings were woven with is a note like late devices.
alter table late_devices
    drop constraint late_devices_kind_check,
    add constraint late_devices_kind_check check (kind in ('client', 'radio', 'wan', 'lease', 'all', 'site')),
    add column public_ips inet[], -- of the site, that are new or no longer
    add column subnets    cidr[], -- likewise
    add column anywhere   boolean; -- whether its subnets speak for legs that the internet saw at no site
create index late_devices_site on late_devices (org_id, late_id) where kind = 'site';

-- Wired clients that are plugged in or out while a meeting goes on.
create index leases_plugged on leases (org_id, from_at) where wired;
create index leases_unplugged on leases (org_id, to_at) where wired;

-- +goose Down
drop index leases_unplugged, leases_plugged, late_devices_site;
delete from late_devices where kind = 'site';
alter table late_devices
    drop column anywhere, drop column subnets, drop column public_ips,
    drop constraint late_devices_kind_check,
    add constraint late_devices_kind_check check (kind in ('client', 'radio', 'wan', 'lease', 'all'));
alter table sites drop column former_until, drop column former_public_ips;
