-- name: PendingWeaves :many
-- Meetings read since they were last woven for the org, and whose devices are known
-- up to their end; the earliest first, so that a batch is of one time.
select m.meeting_id, m.meeting_uuid, m.revision, m.start_at, m.end_at
from meetings m
join orgs o on o.org_id = @org_id
left join weaves w on w.provider = m.provider and w.account_id = m.account_id and w.meeting_id = m.meeting_id and w.org_id = o.org_id
where m.provider = @provider and m.account_id = @account_id
  and m.revision > coalesce(w.revision, 0) and m.end_at <= o.devices_synced_at
order by m.start_at, m.meeting_id
limit @max_rows;

-- name: CountPendingWeaves :one
select count(*) filter (where coalesce(m.end_at <= o.devices_synced_at, false)) as ready,
    count(*) filter (where not coalesce(m.end_at <= o.devices_synced_at, false)) as waiting
from meetings m
join orgs o on o.org_id = @org_id
left join weaves w on w.provider = m.provider and w.account_id = m.account_id and w.meeting_id = m.meeting_id and w.org_id = o.org_id
where m.provider = @provider and m.account_id = @account_id and m.revision > coalesce(w.revision, 0);

-- name: WeaveLegs :many
select * from legs
where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[])
order by meeting_id, leg_id;

-- name: WeaveSamples :many
select * from media_samples
where leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest
order by leg_id, start_at;

-- name: PutWeave :execrows
-- Serialises the weavers of one meeting and refuses a revision older than the woven one.
insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, woven_at)
values (@org_id, @provider, @account_id, @meeting_id, @revision, @legs_matched, @minutes, now())
on conflict (provider, account_id, meeting_id, org_id) do update
set revision = excluded.revision, legs_matched = excluded.legs_matched, minutes = excluded.minutes, woven_at = excluded.woven_at
where w.revision <= excluded.revision;

-- name: LinksOfOrg :many
-- The links that go on, also those whose credentials fail: what was harvested is woven.
select provider, account_id from links where org_id = $1 and status <> 'unlinking' order by provider, account_id;
