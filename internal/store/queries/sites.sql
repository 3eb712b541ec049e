-- name: UpsertSite :exec
insert into sites (org_id, site_id, name, timezone, public_ips, subnets, seen_at)
values (@org_id, @site_id, @name, @timezone, @public_ips, @subnets, now())
on conflict (org_id, site_id) do update
set name = excluded.name, timezone = excluded.timezone, public_ips = excluded.public_ips, subnets = excluded.subnets,
    seen_at = excluded.seen_at;

-- name: Sites :many
select * from sites where org_id = $1 order by name, site_id;
