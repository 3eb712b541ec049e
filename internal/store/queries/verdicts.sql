-- Minutes are judged anew where the org's thresholds changed since.

-- name: StaleVerdicts :many
-- Woven meetings whose minutes were judged by earlier thresholds, the newest first.
select w.meeting_id
from weaves w
where w.org_id = @org_id and w.provider = @provider and w.account_id = @account_id and w.revision > 0
  and w.thresholds_revision < (select o.thresholds_revision from orgs o where o.org_id = @org_id)
order by w.thresholds_revision, w.end_at desc
limit @max_rows;

-- name: CountStaleVerdicts :one
select count(*)
from weaves w
where w.org_id = @org_id and w.revision > 0 and (@account_id::text = '' or (w.provider, w.account_id) = (@provider::text, @account_id))
  and w.thresholds_revision < (select o.thresholds_revision from orgs o where o.org_id = @org_id);

-- name: LockWeave :one
-- Waits for whoever lands or judges the meeting.
select thresholds_revision from weaves
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id and org_id = @org_id and revision > 0
for no key update;

-- name: NoteJudged :exec
update weaves set thresholds_revision = @thresholds_revision
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id and org_id = @org_id;

-- name: JudgedMinutes :many
select * from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest
order by leg_id, start_at;

-- name: SetVerdicts :execrows
-- @earliest and @latest keep the change to the partitions of a few days. A minute that was not
-- measured is not judged, but counts the others. One that nothing explained has version -1;
-- features are one text, because an array of arrays must be square.
update call_minutes c
set bad = case when n.measured then n.bad end, worst_direction = n.worst_direction, worst_metric = n.worst_metric, bucket = n.bucket,
    other_legs_bad = nullif(n.others_bad, -1), other_legs_near_bad = nullif(n.near_bad, -1), -- -1 is unknown
    model_version = nullif(n.model_version, -1), confidence = case when n.model_version >= 0 then n.confidence end,
    top_features = case when n.model_version >= 0 then string_to_array(n.top_features, ',') end,
    detour_ms = nullif(n.detour_ms, 'NaN') -- unknown
from (
    select unnest(@leg_ids::bigint[]) as leg_id, unnest(@start_ats::timestamptz[]) as start_at, unnest(@measured::boolean[]) as measured, unnest(@bads::boolean[]) as bad,
        unnest(@worst_directions::text[]) as worst_direction, unnest(@worst_metrics::text[]) as worst_metric, unnest(@buckets::text[]) as bucket,
        unnest(@others_bad::real[]) as others_bad, unnest(@near_bad::real[]) as near_bad,
        unnest(@model_versions::integer[]) as model_version, unnest(@confidences::real[]) as confidence, unnest(@top_features::text[]) as top_features, unnest(@detours_ms::real[]) as detour_ms
) n
where c.org_id = @org_id and c.leg_id = n.leg_id and c.start_at = n.start_at and c.start_at >= @earliest and c.start_at < @latest;
