-- name: PendingWeaves :many
-- Meetings read since they were last woven for the org, and whose devices are known
-- up to their end: those that ended first, by when they began, so that a batch is of one
-- time.
select m.meeting_id, m.meeting_uuid, m.revision, m.start_at, m.end_at, m.provisional
from (
    select w.meeting_id from weaves w
    where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id and w.pending
      and w.end_at <= (select o.devices_synced_at from orgs o where o.org_id = @org_id)
    order by w.end_at, w.meeting_id
    limit @max_rows
) due
join meetings m on m.provider = @provider and m.account_id = @account_id and m.meeting_id = due.meeting_id
order by m.start_at, m.meeting_id;

-- name: CountPendingWeaves :one
select count(*) filter (where coalesce(w.end_at <= o.devices_synced_at, false)) as ready,
    count(*) filter (where not coalesce(w.end_at <= o.devices_synced_at, false)) as waiting
from weaves w
join orgs o on o.org_id = w.org_id
where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id and w.pending;

-- name: QueueWeaves :exec
-- Meetings were read: they are to be woven for every link that goes on, and while one is
-- provisional for every one that wants it so.
insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
select l.org_id, m.provider, m.account_id, m.meeting_id, 0, 0, 0, m.revision, m.end_at
from meetings m
join links l using (provider, account_id)
where m.provider = @provider and m.account_id = @account_id and m.meeting_id = any(@meeting_ids::text[]) and l.status <> 'unlinking'
  and (l.live or not m.provisional)
on conflict (provider, account_id, meeting_id, org_id) do update
set read_revision = excluded.read_revision, end_at = excluded.end_at;

-- name: QueueWeavesOfLink :exec
-- A link begins: every meeting that was read is to be woven for it.
insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
select @org_id::uuid, m.provider, m.account_id, m.meeting_id, 0, 0, 0, m.revision, m.end_at
from meetings m
where m.provider = @provider and m.account_id = @account_id and m.revision > 0
  and (not m.provisional or (select l.live from links l where l.provider = m.provider and l.account_id = m.account_id and l.org_id = @org_id))
on conflict (provider, account_id, meeting_id, org_id) do update
set read_revision = excluded.read_revision, end_at = excluded.end_at;

-- name: WeaveLegs :many
select * from legs
where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[])
order by meeting_id, leg_id;

-- name: PutWeaves :many
-- Serialises the weavers of each meeting, in the order of the meetings, and refuses a
-- revision older than the woven one.
insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, provisional, thresholds_revision, read_revision, woven_at)
select @org_id::uuid, @provider::text, @account_id::text, n.meeting_id, n.revision, n.legs_matched, n.minutes, n.provisional, n.thresholds_revision, n.revision, now()
from (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@revisions::integer[]) as revision,
        unnest(@legs_matched::integer[]) as legs_matched, unnest(@minutes::integer[]) as minutes, unnest(@provisional::boolean[]) as provisional,
        unnest(@thresholds_revisions::integer[]) as thresholds_revision
) n
order by n.meeting_id
on conflict (provider, account_id, meeting_id, org_id) do update
set revision = excluded.revision, legs_matched = excluded.legs_matched, minutes = excluded.minutes, provisional = excluded.provisional,
    thresholds_revision = excluded.thresholds_revision, woven_at = excluded.woven_at
where w.revision <= excluded.revision
returning w.meeting_id;

-- name: LinksOfOrg :many
-- The links that go on, also those whose credentials fail: what was harvested is woven.
select provider, account_id from links where org_id = $1 and status <> 'unlinking' order by provider, account_id;
