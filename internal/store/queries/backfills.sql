-- name: PutBackfill :one
-- Asked for anew it begins anew; repeated by the workflow that runs it changes nothing.
insert into backfills as b (provider, account_id, from_at, to_at, workflow_id, requested_by)
values (@provider, @account_id, @from_at, @to_at, @workflow_id, @requested_by)
on conflict (provider, account_id, from_at) do update
set to_at = excluded.to_at, state = 'running', workflow_id = excluded.workflow_id, requested_by = excluded.requested_by,
    requested_at = now(), paused_at = null, finished_at = null, outcome = null
where b.state in ('done', 'canceled') or (b.workflow_id, b.to_at) <> (excluded.workflow_id, excluded.to_at)
returning true;

-- name: Backfill :one
select * from backfills where provider = @provider and account_id = @account_id and from_at = @from_at;

-- name: Backfills :many
select b.* from backfills b
where (@account_id::text = '' or b.account_id = @account_id)
  and (sqlc.narg(org_id)::uuid is null or exists (
      select from links l
      where l.provider = b.provider and l.account_id = b.account_id and l.org_id = sqlc.narg(org_id) and l.status <> 'unlinking'))
order by b.requested_at desc, b.provider, b.account_id, b.from_at
limit @max_rows;

-- name: MayChangeBackfill :one
select (exists (select from api_tokens t where t.token_id::text = @requested_by::text and t.org_id = @org_id)
    or not exists (select from links l where l.provider = @provider and l.account_id = @account_id and l.org_id <> @org_id and l.status <> 'unlinking'))::boolean as may;

-- name: LiveBackfills :many
-- The workflows of an account's backfills that have not finished.
select workflow_id from backfills where provider = $1 and account_id = $2 and finished_at is null;

-- name: PauseBackfill :execrows
update backfills
set state = case when @paused::boolean then 'paused' else 'running' end,
    paused_at = case when @paused then coalesce(paused_at, now()) end
where provider = @provider and account_id = @account_id and from_at = @from_at and workflow_id = @workflow_id and finished_at is null;

-- name: FinishBackfill :one
update backfills
set state = @state, finished_at = now(), paused_at = null, outcome = @outcome
where provider = @provider and account_id = @account_id and from_at = @from_at and workflow_id = @workflow_id and finished_at is null
returning *;

-- name: BackfillWindows :many
-- What became of the windows of a backfill.
select w.state, coalesce(w.cause, '')::text as cause, w.attempts >= @given_up_after::integer as given_up, count(*) as windows
from windows w
join (select unnest(@froms::timestamptz[]) as from_at, unnest(@tos::timestamptz[]) as to_at) own using (from_at, to_at)
where w.provider = @provider and w.account_id = @account_id
group by 1, 2, 3;

-- name: BackfillMeetings :one
-- What became of the meetings of an interval; since is before the longest of them began.
select count(*) as meetings,
    count(*) filter (where m.due_at <= @now::timestamptz) as due,
    count(*) filter (where m.revision > 0) as read,
    count(*) filter (where m.state in ('quarantined', 'gone')) as quarantined
from meetings m
where m.provider = @provider and m.account_id = @account_id
  and m.start_at >= @since and m.start_at < @to_at and m.end_at >= @from_at;

-- name: DropPlannedWindows :execrows
-- Takes the windows of a canceled backfill out of the plan: those that were never listed, and
-- that no other backfill asked for.
delete from windows w
using (select unnest(@froms::timestamptz[]) as from_at, unnest(@tos::timestamptz[]) as to_at) own
where w.provider = @provider and w.account_id = @account_id and w.from_at = own.from_at and w.to_at = own.to_at
  and w.origin = 'backfill' and w.state <> 'listed' and w.listed_at is null
  and not backfills_in(@provider, @account_id, 'running') @> tstzrange(w.from_at, w.to_at)
  and not backfills_in(@provider, @account_id, 'paused') @> tstzrange(w.from_at, w.to_at);

-- name: LeavePlannedWindows :exec
-- Those that were listed before are as they were then.
update windows w
set state = 'listed', asked = false, cause = null, attempts = 0
from (select unnest(@froms::timestamptz[]) as from_at, unnest(@tos::timestamptz[]) as to_at) own
where w.provider = @provider and w.account_id = @account_id and w.from_at = own.from_at and w.to_at = own.to_at
  and w.origin = 'backfill' and w.state <> 'listed' and w.listed_at is not null
  and not backfills_in(@provider, @account_id, 'running') @> tstzrange(w.from_at, w.to_at)
  and not backfills_in(@provider, @account_id, 'paused') @> tstzrange(w.from_at, w.to_at);

-- name: LeaveMeetings :execrows
-- Meetings that only a canceled backfill found and nobody has read are not read by themselves.
update meetings m
set due_at = null, cause = 'canceled'
where m.provider = @provider and m.account_id = @account_id and m.origin = 'backfill' and m.state = 'seen' and m.due_at is not null
  and m.start_at >= @since and m.start_at < @to_at and m.end_at >= @from_at
  and not backfills_in(@provider, @account_id, 'running') && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]')
  and not backfills_in(@provider, @account_id, 'paused') && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]');

