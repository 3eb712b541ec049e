-- name: UpsertSite :exec
insert into sites (org_id, site_id, name, timezone, public_ips, subnets, former_public_ips, former_until, seen_at)
values (@org_id, @site_id, @name, @timezone, @public_ips, @subnets, @former_public_ips, @former_until, now())
on conflict (org_id, site_id) do update
set name = excluded.name, timezone = excluded.timezone, public_ips = excluded.public_ips, subnets = excluded.subnets,
    former_public_ips = excluded.former_public_ips, former_until = excluded.former_until, seen_at = excluded.seen_at;

-- name: Sites :many
select * from sites where org_id = $1 order by name, site_id;

-- name: LockSites :many
-- Nobody else changes them meanwhile.
select * from sites where org_id = $1 order by site_id for no key update;

-- name: NoteSite :exec
-- Of the time for which meetings were woven, or from then on.
insert into late_devices (org_id, kind, site_id, from_at, to_at, public_ips, subnets, anywhere)
select o.org_id, 'site', @site_id::uuid, greatest(w.oldest, @since::timestamptz), o.devices_synced_at, @public_ips::inet[], @subnets::cidr[], @anywhere::boolean
from orgs o
cross join lateral (
    select min(w.end_at) - interval '1 second' as oldest from weaves w where w.org_id = o.org_id and w.revision > 0 and not w.final
) w
where o.org_id = @org_id and greatest(w.oldest, @since::timestamptz) < o.devices_synced_at and w.oldest is not null;
