-- name: SeeMeetings :one
-- What a list shows. A meeting is due when it is first seen, one that was seen running when
-- it has ended; one that a list shows changed after it had settled is due again. What a
-- backfill found and a live list shows is live, and due if nobody was to read it any more.
-- Repeating it changes nothing.
with incoming as (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@meeting_uuids::uuid[]) as meeting_uuid,
        unnest(@numbers::bigint[]) as meeting_number, unnest(@hosts::bytea[]) as host_sealed,
        unnest(@starts::timestamptz[]) as start_at, unnest(@ends::timestamptz[]) as end_at,
        unnest(@participants::integer[]) as participant_count
), upserted as (
    insert into meetings as m (provider, account_id, meeting_id, meeting_uuid, meeting_number, list_kind, host_sealed,
        start_at, end_at, participant_count, due_at, origin)
    select @provider::text, @account_id::text, i.meeting_id, nullif(i.meeting_uuid, '00000000-0000-0000-0000-000000000000'),
        i.meeting_number, @list_kind::text, i.host_sealed, i.start_at, i.end_at, i.participant_count, @now::timestamptz, @origin::text
    from incoming i
    on conflict (provider, account_id, meeting_id) do update
    set end_at = excluded.end_at, participant_count = excluded.participant_count,
        start_at = case when m.list_kind = 'live' then excluded.start_at else m.start_at end,
        list_kind = case when m.list_kind = 'live' then excluded.list_kind else m.list_kind end,
        state = case when m.list_kind = 'live' and m.state <> 'skipped' then 'seen'
            when m.state = 'settled' and (m.end_at, m.participant_count) is distinct from (excluded.end_at, excluded.participant_count)
            then 'read' else m.state end,
        cause = case when m.list_kind = 'live' and m.state <> 'skipped' or m.state = 'seen' and excluded.origin = 'live' then null else m.cause end,
        attempts = case when m.list_kind = 'live' then 0 else m.attempts end,
        due_at = case when m.list_kind = 'live' and m.state <> 'skipped'
            or m.state = 'settled' and (m.end_at, m.participant_count) is distinct from (excluded.end_at, excluded.participant_count)
            or m.state = 'seen' and m.due_at is null and excluded.origin = 'live' then excluded.due_at else m.due_at end,
        origin = case when excluded.origin = 'live' then 'live' else m.origin end
    where (m.end_at, m.participant_count) is distinct from (excluded.end_at, excluded.participant_count)
       or m.list_kind = 'live' or m.origin = 'backfill' and excluded.origin = 'live'
    returning (xmax = 0) as added
)
select count(*) filter (where added) as added from upserted;

-- name: DueMeetings :many
-- What is to be read now, in the order of the index meetings_queue. Nothing that a paused
-- backfill alone found.
select m.meeting_id, m.participant_count, m.revision, m.origin = 'backfill' as backfill from meetings m
where m.provider = @provider and m.account_id = @account_id and m.due_at <= @now::timestamptz
  and (m.origin <> 'backfill'
    or not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]')
    or (select backfills_in(@provider, @account_id, 'running')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]'))
order by case when m.origin = 'backfill' then 2 when m.state = 'quarantined' then 1 else 0 end, m.start_at desc
limit @max_rows;

-- name: CountDueMeetings :one
select count(*) as meetings, count(*) filter (where m.origin = 'backfill') as backfill from meetings m
where m.provider = @provider and m.account_id = @account_id and m.due_at <= @now::timestamptz
  and (m.origin <> 'backfill'
    or not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]')
    or (select backfills_in(@provider, @account_id, 'running')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]'));

-- name: MeetingsWanted :many
-- Which of some meetings anybody but a paused or canceled backfill wants.
-- They are found by their ids, however many are due.
with m as materialized (
    select * from meetings where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[])
)
select m.meeting_id from m
where m.due_at is not null
  and (m.origin <> 'backfill'
    or not (select backfills_in(@provider, @account_id, 'paused')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]')
    or (select backfills_in(@provider, @account_id, 'running')) && tstzrange(m.start_at, greatest(m.start_at, m.end_at), '[]'));

-- name: LockMeeting :one
select attempts from meetings
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id
for update;

-- name: LockMeetings :many
-- In the order in which everybody locks several.
select meeting_id, start_at, end_at, attempts, revision, list_kind, provisional from meetings
where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[])
order by meeting_id
for update;

-- name: MeetingsRead :exec
-- An empty cause is none; a meeting that is due at the first moment there is is not due.
update meetings m
set state = r.state, provisional = r.provisional, cause = nullif(r.cause, ''), attempts = r.attempts, revision = m.revision + 1,
    due_at = nullif(r.due_at, '0001-01-01 00:00:00+00'), read_at = r.read_at
from (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@states::text[]) as state, unnest(@provisional::boolean[]) as provisional,
        unnest(@causes::text[]) as cause, unnest(@attempts::integer[]) as attempts, unnest(@due_ats::timestamptz[]) as due_at,
        unnest(@read_ats::timestamptz[]) as read_at
) r
where m.provider = @provider and m.account_id = @account_id and m.meeting_id = r.meeting_id;

-- name: HaveSamples :one
select exists (select from media_samples where leg_id = any(@leg_ids::bigint[]))::boolean;

-- name: MeetingFailed :execrows
-- A meeting that could not be read: it is tried again at due_at, or never.
update meetings
set state = @state, cause = @cause, attempts = attempts + 1, due_at = sqlc.narg('due_at')
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id;

-- name: RetryMeetings :execrows
-- Meetings that could not be read, or were given up unread with a canceled backfill, are
-- due now, and their tries begin anew. No ids are all.
with locked as materialized (
    select meeting_id from meetings
    where provider = @provider and account_id = @account_id
      and (state = any(@states::text[]) or state = 'seen' and due_at is null and cause = 'canceled')
      and (cardinality(@meeting_ids::text[]) = 0 or meeting_id = any(@meeting_ids))
    order by meeting_id
    for update
)
update meetings m
set due_at = @now::timestamptz, attempts = 0, cause = case when m.state = 'seen' then null else m.cause end
from locked
where m.provider = @provider and m.account_id = @account_id and m.meeting_id = locked.meeting_id;

-- name: SkipMeeting :execrows
update meetings
set state = 'skipped', due_at = null
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id and state in ('quarantined', 'gone', 'skipped');
