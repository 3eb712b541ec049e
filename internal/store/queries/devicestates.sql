-- name: DeviceState :one
select * from device_states where org_id = $1;

-- name: PutDeviceState :execrows
-- Continues from the poll at @prior only (null: from none).
insert into device_states as s (org_id, polled_at, state_sealed)
select @org_id, @polled_at::timestamptz, @state_sealed
where sqlc.narg(prior)::timestamptz is null or exists (select from device_states where org_id = @org_id)
on conflict (org_id) do update
set polled_at = excluded.polled_at, state_sealed = excluded.state_sealed
where s.polled_at = sqlc.narg(prior)::timestamptz;

-- name: SetDevicesSynced :exec
update orgs
set devices_synced_at = greatest(devices_synced_at, @synced_at::timestamptz), devices_error = nullif(@problem::text, '')
where org_id = @org_id;

-- name: SetDevicesError :exec
update orgs set devices_error = @message::text where org_id = @org_id;

-- name: ForgetDeviceState :exec
delete from device_states where org_id = $1;
