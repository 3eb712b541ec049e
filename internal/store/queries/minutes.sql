-- name: DeleteMinutes :exec
-- @earliest and @latest keep the deletion to the partitions of a few days.
delete from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest;

-- name: LegMinutes :many
select * from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @from_at and start_at < @to_at
order by leg_id, start_at;

-- name: ExplanationBasis :one
-- What minutes are explained by besides themselves: the org's limits, and where their legs
-- were served from.
select o.latency_bad_ms, o.jitter_bad_ms, o.loss_bad_ratio, served.leg_ids, served.data_centers
from orgs o
cross join lateral (
    select coalesce(array_agg(g.leg_id), '{}')::bigint[] as leg_ids, coalesce(array_agg(g.data_center), '{}')::text[] as data_centers
    from legs g where g.leg_id = any(@leg_ids::bigint[]) and g.data_center <> ''
) served
where o.org_id = @org_id;
