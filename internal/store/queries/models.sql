-- name: ErasuresOfOrg :one
-- How many unlinkings an org has begun: a model read before another began is not kept.
select count(*) from receipts where org_id = $1;

-- name: NextModelVersion :one
-- Takes the org's row until the transaction ends, as an unlinking does that begins.
update orgs set model_version = model_version + 1 where org_id = $1 returning model_version;

-- name: PutModel :exec
insert into models (org_id, version, from_at, to_at, minutes, bad_minutes, scores, body)
values (@org_id, @version, @from_at, @to_at, @minutes, @bad_minutes, @scores, @body);

-- name: NewestModelVersion :one
select coalesce(max(version), 0)::integer from models where org_id = $1;

-- name: Model :one
select * from models where org_id = $1 and version = $2;

-- name: Models :many
-- Without their bodies.
select version, trained_at, from_at, to_at, minutes, bad_minutes, scores from models where org_id = $1 order by version desc limit @max_rows;

-- name: DropModels :execrows
-- What nobody needs any more: older than every minute that is kept, and not the newest.
delete from models m
where m.org_id = @org_id and m.trained_at < @before and m.version < (select max(n.version) from models n where n.org_id = @org_id);

-- name: EraseModels :execrows
delete from models where org_id = $1;

-- name: CountTrainingMinutes :one
select count(*) from call_minutes c
where c.org_id = @org_id and c.start_at >= @from_at and c.start_at < @to_at and c.bad is not null
  and exists (select from links l where l.provider = c.provider and l.account_id = c.account_id and l.org_id = c.org_id and l.status <> 'unlinking');
