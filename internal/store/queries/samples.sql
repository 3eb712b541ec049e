-- Samples are asked for by their start, so that only the partitions of a few days are
-- read: @earliest is @from_at less the longest sample there is.

-- name: ClientSamples :many
select * from client_samples
where org_id = @org_id and mac = any(@macs::macaddr[]) and start_at >= @earliest and start_at < @to_at and end_at > @from_at
order by mac, start_at;

-- name: RadioSamples :many
select * from radio_samples
where org_id = @org_id and ap_mac = any(@aps::macaddr[]) and start_at >= @earliest and start_at < @to_at and end_at > @from_at
order by ap_mac, band, start_at;

-- name: WANSamples :many
select * from wan_samples
where org_id = @org_id and start_at >= @earliest and start_at < @to_at and end_at > @from_at
order by site_id, start_at;
