-- name: PendingWeaves :many
-- Meetings read since they were last woven for the org, and whose devices are known
-- up to their end, and after these the ones that late devices touch: those that ended first,
-- by when they began, so that a batch is of one time.
select m.meeting_id, m.meeting_uuid, m.revision, m.start_at, m.end_at, m.provisional, due.devices_revision
from (
    select w.meeting_id, w.devices_revision from weaves w
    where w.provider = @provider and w.account_id = @account_id and w.org_id = @org_id and w.pending
      and w.end_at <= (select o.devices_synced_at from orgs o where o.org_id = @org_id)
    order by (w.read_revision <= w.revision), w.end_at, w.meeting_id
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
order by m.meeting_id, l.org_id -- as they are locked by everybody who locks several
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
-- revision older than the woven one. Where late devices were looked through since this one's
-- were read, call minutes of it were missing in that look: it stays queued.
insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, provisional, thresholds_revision, read_revision, woven_devices_revision, woven_at)
select @org_id::uuid, @provider::text, @account_id::text, n.meeting_id, n.revision, n.legs_matched, n.minutes, n.provisional, n.thresholds_revision, n.revision, n.devices_revision, now()
from (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@revisions::integer[]) as revision, unnest(@devices_revisions::integer[]) as devices_revision,
        unnest(@legs_matched::integer[]) as legs_matched, unnest(@minutes::integer[]) as minutes, unnest(@provisional::boolean[]) as provisional,
        unnest(@thresholds_revisions::integer[]) as thresholds_revision
) n
order by n.meeting_id
on conflict (provider, account_id, meeting_id, org_id) do update
set revision = excluded.revision, legs_matched = excluded.legs_matched, minutes = excluded.minutes, provisional = excluded.provisional, woven_at = excluded.woven_at,
    thresholds_revision = excluded.thresholds_revision, woven_devices_revision = excluded.woven_devices_revision,
    devices_revision = w.devices_revision + (select (o.late_marks <> @late_marks::bigint)::integer from orgs o where o.org_id = @org_id)
where (w.revision, w.woven_devices_revision) <= (excluded.revision, excluded.woven_devices_revision)
returning w.meeting_id;

-- name: LinksOfOrg :many
-- The links that go on, also those whose credentials fail: what was harvested is woven.
select provider, account_id from links where org_id = $1 and status <> 'unlinking' order by provider, account_id;
