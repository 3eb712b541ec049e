-- Meetings that run: what is stored of them is provisional.

-- name: LiveBudget :one
-- Whether a link that works wants to see meetings run, and what of the day's budget is spent.
select coalesce(bool_or(l.live and l.status = 'active'), false)::boolean as wanted,
    coalesce(min(coalesce(l.max_daily_api_requests, @default_budget::integer)), 0)::integer as budget,
    (select coalesce(sum(r.spent), 0) from api_requests r
     where r.provider = @provider and r.account_id = @account_id and r.day = @day)::bigint as spent
from links l
where l.provider = @provider and l.account_id = @account_id and l.status <> 'unlinking';

-- name: SeeLiveMeetings :many
-- What a list of running meetings shows, and of that what was not read since: what was never
-- read first. One that a past list has shown is not touched.
with incoming as (
    select unnest(@meeting_ids::text[]) as meeting_id, unnest(@meeting_uuids::uuid[]) as meeting_uuid,
        unnest(@numbers::bigint[]) as meeting_number, unnest(@hosts::bytea[]) as host_sealed,
        unnest(@starts::timestamptz[]) as start_at, unnest(@participants::integer[]) as participant_count
), upserted as (
    insert into meetings as m (provider, account_id, meeting_id, meeting_uuid, meeting_number, list_kind, host_sealed,
        start_at, end_at, participant_count, state, due_at)
    select @provider::text, @account_id::text, i.meeting_id, nullif(i.meeting_uuid, '00000000-0000-0000-0000-000000000000'),
        i.meeting_number, 'live', i.host_sealed, i.start_at, greatest(i.start_at, @now::timestamptz), i.participant_count, 'live', @due_at::timestamptz
    from incoming i
    on conflict (provider, account_id, meeting_id) do update
    set end_at = excluded.end_at, participant_count = excluded.participant_count,
        state = 'live', cause = null, attempts = 0, due_at = excluded.due_at
    where m.list_kind = 'live' and m.state <> 'skipped'
    returning meeting_id, participant_count, revision, read_at, start_at
)
select meeting_id, participant_count, revision from upserted
where read_at is null or read_at <= @read_before::timestamptz
order by read_at nulls first, start_at desc, meeting_id;

-- name: DropMeasuredOfLegs :exec
-- What live reads measured of a meeting's joins, and when they saw them leave.
update legs set leave_at = null, audio_quality = '', video_quality = '', screen_quality = ''
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id;

-- name: DropLegsBut :many
-- The joins of a meeting that its record does not have.
delete from legs
where provider = @provider and account_id = @account_id and meeting_id = @meeting_id and leg_id <> all(@kept::bigint[])
returning leg_id;
