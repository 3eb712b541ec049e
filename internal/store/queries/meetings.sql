-- name: SeeMeetings :one
-- What a list shows. A meeting is due when it is first seen; one that a list shows
-- changed after it had settled is due again. Repeating it changes nothing.
with incoming as (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@meeting_uuids::uuid[]) as meeting_uuid,
        unnest(@numbers::bigint[]) as meeting_number, unnest(@hosts::bytea[]) as host_sealed,
        unnest(@starts::timestamptz[]) as start_at, unnest(@ends::timestamptz[]) as end_at,
        unnest(@participants::integer[]) as participant_count
), upserted as (
    insert into meetings as m (provider, account_id, meeting_id, meeting_uuid, meeting_number, list_kind, host_sealed,
        start_at, end_at, participant_count, due_at)
    select @provider::text, @account_id::text, i.meeting_id, nullif(i.meeting_uuid, '00000000-0000-0000-0000-000000000000'),
        i.meeting_number, @list_kind::text, i.host_sealed, i.start_at, i.end_at, i.participant_count, @now::timestamptz
    from incoming i
    on conflict (provider, account_id, meeting_id) do update
    set end_at = excluded.end_at, participant_count = excluded.participant_count,
        state = case when m.state = 'settled' then 'read' else m.state end,
        due_at = case when m.state = 'settled' then excluded.due_at else m.due_at end
    where (m.end_at, m.participant_count) is distinct from (excluded.end_at, excluded.participant_count)
    returning (xmax = 0) as added
)
select count(*) filter (where added) as added from upserted;

-- name: DueMeetings :many
-- What is to be read now, newest first.
select meeting_id, participant_count, revision from meetings
where provider = @provider and account_id = @account_id and due_at <= @now::timestamptz
order by start_at desc, meeting_id
limit @max_rows;

-- name: CountDueMeetings :one
select count(*) from meetings
where provider = @provider and account_id = @account_id and due_at <= @now::timestamptz;

-- name: LockMeeting :one
select end_at, attempts, revision from meetings
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id
for update;

-- name: MeetingRead :exec
update meetings
set state = @state, cause = sqlc.narg('cause'), attempts = @attempts, revision = revision + 1, due_at = sqlc.narg('due_at'), read_at = @now::timestamptz
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id;

-- name: HaveSamples :one
select exists (select from media_samples where leg_id = any(@leg_ids::bigint[]))::boolean;

-- name: MeetingFailed :execrows
-- A meeting that could not be read: it is tried again at due_at, or never.
update meetings
set state = @state, cause = @cause, attempts = attempts + 1, due_at = sqlc.narg('due_at')
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id;

-- name: RetryMeetings :execrows
-- Meetings that could not be read are due now, and their tries begin anew. No ids are all.
update meetings
set due_at = @now::timestamptz, attempts = 0
where provider = @provider and account_id = @account_id and state = any(@states::text[])
  and (cardinality(@meeting_ids::text[]) = 0 or meeting_id = any(@meeting_ids));

-- name: SkipMeeting :execrows
update meetings
set state = 'skipped', due_at = null
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id and state in ('quarantined', 'gone', 'skipped');
