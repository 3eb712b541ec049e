-- +goose Up

-- What people call the access points, gateways and switches of an org. A name outlives its
-- device: calls of the past still show it.
create table network_devices (
    org_id  uuid    not null references orgs on delete cascade,
    mac     macaddr not null,
    site_id uuid    not null,
    kind    text    not null check (kind in ('ap', 'gateway', 'switch')),
    name    text    not null check (name <> ''),
    primary key (org_id, mac)
);

create index network_devices_site on network_devices (org_id, site_id) where kind = 'gateway';

-- +goose Down
drop table network_devices;
