-- What an org's own network left here. The org itself, its tokens and its device access
-- stay: they are its registration, not data of a link.

-- name: ForgetDeviceSync :exec
update orgs set devices_synced_at = null, devices_error = null where org_id = $1 and devices_synced_at is not null;

-- name: ClientSamplesToErase :one
select c.start_at from client_samples c where c.org_id = $1 limit 1;

-- name: EraseClientSamples :execrows
delete from client_samples s
where s.ctid = any(array(
        select c.ctid from client_samples c
        where c.org_id = @org_id and c.start_at >= @day and c.start_at < @next_day
        limit @max_rows))
  and s.org_id = @org_id and s.start_at >= @day and s.start_at < @next_day;

-- name: RadioSamplesToErase :one
select r.start_at from radio_samples r where r.org_id = $1 limit 1;

-- name: EraseRadioSamples :execrows
delete from radio_samples s
where s.ctid = any(array(
        select r.ctid from radio_samples r
        where r.org_id = @org_id and r.start_at >= @day and r.start_at < @next_day
        limit @max_rows))
  and s.org_id = @org_id and s.start_at >= @day and s.start_at < @next_day;

-- name: WANSamplesToErase :one
select w.start_at from wan_samples w where w.org_id = $1 limit 1;

-- name: EraseWANSamples :execrows
delete from wan_samples s
where s.ctid = any(array(
        select w.ctid from wan_samples w
        where w.org_id = @org_id and w.start_at >= @day and w.start_at < @next_day
        limit @max_rows))
  and s.org_id = @org_id and s.start_at >= @day and s.start_at < @next_day;

-- name: EraseLeases :execrows
delete from leases
where ctid = any(array(select l.ctid from leases l where l.org_id = @org_id limit @max_rows));

-- name: EraseLateDevices :execrows
delete from late_devices
where ctid = any(array(select d.ctid from late_devices d where d.org_id = @org_id limit @max_rows));

-- name: EraseSites :execrows
delete from sites where org_id = $1;

-- name: EraseNetworkDevices :execrows
delete from network_devices where org_id = $1;

-- name: EraseDeviceState :execrows
delete from device_states where org_id = $1;

-- name: EraseAuthorizationsOfOrg :execrows
-- Attempts that came to nothing, and offers from before the fence: none outlives the
-- unlinking. One that somebody came back with goes on while it can still succeed.
delete from authorizations
where org_id = @org_id and account_id is null and created_at <= @fenced_at
  and (state <> 'returned' or expires_at < @over_before);

-- name: CountOrgRows :many
select 'client_samples'::text as table_name, count(*) as rows from client_samples c where c.org_id = @org_id
union all select 'radio_samples', count(*) from radio_samples r where r.org_id = @org_id
union all select 'wan_samples', count(*) from wan_samples w where w.org_id = @org_id
union all select 'leases', count(*) from leases l where l.org_id = @org_id
union all select 'late_devices', count(*) from late_devices d where d.org_id = @org_id
union all select 'sites', count(*) from sites s where s.org_id = @org_id
union all select 'network_devices', count(*) from network_devices n where n.org_id = @org_id
union all select 'device_states', count(*) from device_states d where d.org_id = @org_id
union all select 'authorizations', count(*) from authorizations z
    where z.org_id = @org_id and z.account_id is null and z.created_at <= @fenced_at
      and (z.state <> 'returned' or z.expires_at < @over_before);
