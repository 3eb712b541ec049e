-- name: DeleteMinutes :exec
-- @earliest and @latest keep the deletion to the partitions of a few days.
delete from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest;

-- name: LegMinutes :many
select * from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @from_at and start_at < @to_at
order by leg_id, start_at;

-- name: DataCenters :many
-- Where legs were served from.
select leg_id, data_center from legs where leg_id = any(@leg_ids::bigint[]) and data_center <> '';
