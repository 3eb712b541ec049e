-- What an org's own network left here. The org itself, its tokens and its device access
-- stay: they are its registration, not data of a link.

-- name: ForgetDeviceSync :exec
update orgs set devices_synced_at = null, devices_error = null where org_id = $1 and devices_synced_at is not null;

-- name: EraseClientSamples :execrows
with batch as (
    select c.org_id, c.mac, c.start_at, c.end_at from client_samples c where c.org_id = @org_id limit @max_rows
)
delete from client_samples s using batch b
where s.org_id = b.org_id and s.mac = b.mac and s.start_at = b.start_at and s.end_at = b.end_at;

-- name: EraseRadioSamples :execrows
with batch as (
    select r.org_id, r.ap_mac, r.band, r.start_at, r.end_at from radio_samples r where r.org_id = @org_id limit @max_rows
)
delete from radio_samples s using batch b
where s.org_id = b.org_id and s.ap_mac = b.ap_mac and s.band = b.band and s.start_at = b.start_at and s.end_at = b.end_at;

-- name: EraseWANSamples :execrows
with batch as (
    select w.org_id, w.gateway_mac, w.port_id, w.start_at, w.end_at from wan_samples w where w.org_id = @org_id limit @max_rows
)
delete from wan_samples s using batch b
where s.org_id = b.org_id and s.gateway_mac = b.gateway_mac and s.port_id = b.port_id and s.start_at = b.start_at and s.end_at = b.end_at;

-- name: EraseLeases :execrows
with batch as (
    select l.org_id, l.mac, l.source, l.from_at from leases l where l.org_id = @org_id limit @max_rows
)
delete from leases s using batch b
where s.org_id = b.org_id and s.mac = b.mac and s.source = b.source and s.from_at = b.from_at;

-- name: EraseSites :execrows
delete from sites where org_id = $1;

-- name: EraseDeviceState :execrows
delete from device_states where org_id = $1;

-- name: EraseAuthorizationsOfOrg :execrows
-- Attempts that came to nothing, and offers from before the fence: none outlives the
-- unlinking. One that somebody came back with goes on while it can still succeed.
delete from authorizations
where org_id = @org_id and account_id is null and created_at <= @fenced_at
  and (state <> 'returned' or expires_at + interval '10 minutes' < @fenced_at);

-- name: CountOrgRows :many
select 'client_samples'::text as table_name, count(*) as rows from client_samples c where c.org_id = @org_id
union all select 'radio_samples', count(*) from radio_samples r where r.org_id = @org_id
union all select 'wan_samples', count(*) from wan_samples w where w.org_id = @org_id
union all select 'leases', count(*) from leases l where l.org_id = @org_id
union all select 'sites', count(*) from sites s where s.org_id = @org_id
union all select 'device_states', count(*) from device_states d where d.org_id = @org_id
union all select 'authorizations', count(*) from authorizations z
    where z.org_id = @org_id and z.account_id is null and z.created_at <= @fenced_at
      and (z.state <> 'returned' or z.expires_at + interval '10 minutes' < @fenced_at);
