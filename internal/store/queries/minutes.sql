-- name: DeleteMinutes :exec
-- @earliest and @latest keep the deletion to the partitions of a few days.
delete from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest;
