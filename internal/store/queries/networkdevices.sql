-- name: PutNetworkDevices :exec
-- Every poll tells all names again: only what is new writes a row.
insert into network_devices as d (org_id, mac, site_id, kind, name)
select @org_id, n.mac, n.site_id, n.kind, n.name
from (select unnest(@macs::macaddr[]) as mac, unnest(@site_ids::uuid[]) as site_id, unnest(@kinds::text[]) as kind, unnest(@names::text[]) as name) n
on conflict (org_id, mac) do update set site_id = excluded.site_id, kind = excluded.kind, name = excluded.name
where (d.site_id, d.kind, d.name) is distinct from (excluded.site_id, excluded.kind, excluded.name);

-- name: NetworkDevices :many
select * from network_devices where org_id = $1 order by site_id, kind, name, mac;

-- name: NamesOfDevices :many
select mac, name from network_devices where org_id = @org_id and mac = any(@macs::macaddr[]);

-- name: GatewaysOfSite :many
select name from network_devices where org_id = @org_id and site_id = @site_id and kind = 'gateway' order by name, mac;
