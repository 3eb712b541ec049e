-- A call is a match: one leg on the org's network. It belongs to the interval it began in,
-- so that adjacent intervals never show it twice.
--
-- The store writes arguments that are null, true, false or empty into the text (see
-- shape.go): a filter that is not asked for is no condition then, and a case that is decided
-- by them is one of its branches, so that an index serves what is left.

-- name: SearchCalls :many
select m.provider, m.meeting_id, m.meeting_uuid, m.site_id, m.client_mac, m.join_at, m.leave_at, m.leg_id,
    m.audio_quality, m.video_quality, m.screen_quality, text_key.value::text as text_key,
    exists (select from weaves w where w.org_id = m.org_id and w.provider = m.provider and w.account_id = m.account_id
        and w.meeting_id = m.meeting_id and w.provisional) as provisional
from matches m
cross join lateral (
    select (case when @by_mac::boolean then coalesce(m.client_mac::text, '')
        when @by_meeting::boolean then coalesce(m.meeting_uuid::text, m.meeting_id)
        when @by_app::boolean then m.provider
        else '' end) collate "C" as value
) text_key
cross join lateral (select case when @by_end::boolean then m.leave_at else m.join_at end as value) time_key
where m.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or m.site_id = sqlc.narg(site_id))
  and m.join_at >= @from_at and m.join_at < @to_at
  and (sqlc.narg(client_mac)::macaddr is null or m.client_mac = sqlc.narg(client_mac))
  and (sqlc.narg(meeting_uuid)::uuid is null or m.meeting_uuid = sqlc.narg(meeting_uuid))
  and (@provider::text = '' or m.provider = @provider)
  and case when not @resumed::boolean then true
      when (@by_mac or @by_meeting or @by_app) and @descending::boolean then (text_key.value, m.leg_id) < ((@after_text::text) collate "C", @after_leg::bigint)
      when (@by_mac or @by_meeting or @by_app) then (text_key.value, m.leg_id) > ((@after_text) collate "C", @after_leg)
      when @descending then (time_key.value, m.leg_id) < (@after_at::timestamptz, @after_leg)
      else (time_key.value, m.leg_id) > (@after_at, @after_leg) end
order by
    case when (@by_mac or @by_meeting or @by_app) and not @descending then text_key.value end, case when (@by_mac or @by_meeting or @by_app) and @descending then text_key.value end desc,
    case when not (@by_mac or @by_meeting or @by_app) and not @descending then time_key.value end, case when not (@by_mac or @by_meeting or @by_app) and @descending then time_key.value end desc,
    case when not @descending then m.leg_id end, case when @descending then m.leg_id end desc
limit @max_rows;

-- name: CountCalls :one
select count(*) from matches m
where m.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or m.site_id = sqlc.narg(site_id))
  and m.join_at >= @from_at and m.join_at < @to_at
  and (sqlc.narg(client_mac)::macaddr is null or m.client_mac = sqlc.narg(client_mac))
  and (sqlc.narg(meeting_uuid)::uuid is null or m.meeting_uuid = sqlc.narg(meeting_uuid))
  and (@provider::text = '' or m.provider = @provider);

-- name: CountCallsBy :many
-- Calls by a property, the most frequent first, and how many values it has. A client that
-- is not known is no value.
with counted as (
    select (case when @by_mac::boolean then m.client_mac::text
            when @by_meeting::boolean then coalesce(m.meeting_uuid::text, m.meeting_id)
            when @by_site::boolean then m.site_id::text
            else m.provider end) collate "C" as value,
        count(*) as calls
    from matches m
    where m.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or m.site_id = sqlc.narg(site_id))
      and m.join_at >= @from_at and m.join_at < @to_at and (@provider::text = '' or m.provider = @provider)
      and (not @by_mac or m.client_mac is not null)
    group by 1
)
select value::text as value, calls, count(*) over () as total
from counted
order by calls desc, value
limit @max_rows;

-- name: SummarizeCalls :one
select
    count(distinct client_mac) as users,
    count(distinct ap_mac) as aps,
    count(*) as minutes,
    count(*) filter (where bad) as bad_minutes,
    count(*) filter (where bad is null) as unmeasured_minutes,
    count(*) filter (where (provider, account_id, meeting_id) in (
        select w.provider, w.account_id, w.meeting_id from weaves w where w.org_id = @org_id and w.provisional)) as provisional_minutes,
    count(*) filter (where bad and bucket = 'client') as bad_minutes_client,
    count(*) filter (where bad and bucket = 'wireless') as bad_minutes_wireless,
    count(*) filter (where bad and bucket = 'site_wan') as bad_minutes_site_wan,
    count(*) filter (where bad and bucket = 'far_end') as bad_minutes_far_end,
    count(*) filter (where bad and bucket = 'unknown') as bad_minutes_unknown
from call_minutes
where org_id = @org_id and site_id = @site_id and start_at >= @from_at and start_at < @to_at
  and (sqlc.narg(ap_mac)::macaddr is null or ap_mac = sqlc.narg(ap_mac))
  and (@provider::text = '' or provider = @provider);

-- name: SummarizeSites :many
-- The call minutes of an org in an interval: first all, with no site, then of each site, the
-- worst first.
select coalesce(site_id, '00000000-0000-0000-0000-000000000000')::uuid as site,
    count(distinct client_mac) as users,
    count(distinct ap_mac) as aps,
    count(*) as minutes,
    count(*) filter (where bad) as bad_minutes,
    count(*) filter (where bad is null) as unmeasured_minutes,
    count(*) filter (where (provider, account_id, meeting_id) in (
        select w.provider, w.account_id, w.meeting_id from weaves w where w.org_id = @org_id and w.provisional)) as provisional_minutes,
    count(*) filter (where bad and bucket = 'client') as bad_minutes_client,
    count(*) filter (where bad and bucket = 'wireless') as bad_minutes_wireless,
    count(*) filter (where bad and bucket = 'site_wan') as bad_minutes_site_wan,
    count(*) filter (where bad and bucket = 'far_end') as bad_minutes_far_end,
    count(*) filter (where bad and bucket = 'unknown') as bad_minutes_unknown
from call_minutes
where org_id = @org_id and start_at >= @from_at and start_at < @to_at
  and (sqlc.narg(ap_mac)::macaddr is null or ap_mac = sqlc.narg(ap_mac))
  and (@provider::text = '' or provider = @provider)
group by grouping sets ((), (site_id))
order by grouping(site_id) desc, bad_minutes desc, site_id;

-- name: MeetingLegs :many
-- The legs of a meeting on the org's network, by any account.
select leg_id, join_at, leave_at from matches where org_id = @org_id and meeting_uuid = @meeting_uuid::uuid order by leg_id;

-- name: CallMinutes :many
-- Legs are null where they do not matter.
select * from call_minutes c
where c.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or c.site_id = sqlc.narg(site_id))
  and c.start_at >= @from_at and c.start_at < @to_at and (not @only_bad::boolean or c.bad)
  and (sqlc.narg(leg_ids)::bigint[] is null or c.leg_id = any(sqlc.narg(leg_ids)))
  and (sqlc.narg(client_mac)::macaddr is null or c.client_mac = sqlc.narg(client_mac))
  and (sqlc.narg(ap_mac)::macaddr is null or c.ap_mac = sqlc.narg(ap_mac))
  and (@provider::text = '' or c.provider = @provider)
order by c.start_at, c.leg_id
limit @max_rows offset @skip;

-- name: CountCallMinutes :one
select count(*) from call_minutes c
where c.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or c.site_id = sqlc.narg(site_id))
  and c.start_at >= @from_at and c.start_at < @to_at and (not @only_bad::boolean or c.bad)
  and (sqlc.narg(leg_ids)::bigint[] is null or c.leg_id = any(sqlc.narg(leg_ids)))
  and (sqlc.narg(client_mac)::macaddr is null or c.client_mac = sqlc.narg(client_mac))
  and (sqlc.narg(ap_mac)::macaddr is null or c.ap_mac = sqlc.narg(ap_mac))
  and (@provider::text = '' or c.provider = @provider);

-- name: ExportMinutes :many
-- One page of a day's minutes in the order of the key, with who had them.
select sqlc.embed(c), m.meeting_uuid, m.person_sealed
from call_minutes c
left join matches m on m.org_id = c.org_id and m.leg_id = c.leg_id
where c.org_id = @org_id and c.start_at >= @from_at and c.start_at < @to_at and (c.leg_id, c.start_at) > (@after_leg::bigint, @after_at::timestamptz)
  and (sqlc.narg(site_id)::uuid is null or c.site_id = sqlc.narg(site_id)) and (not @only_bad::boolean or c.bad)
order by c.leg_id, c.start_at
limit @max_rows;

-- name: SiteMinutes :many
select s.site_id, s.name,
    count(c.leg_id) as minutes,
    count(c.leg_id) filter (where c.bad) as bad_minutes,
    count(c.leg_id) filter (where c.leg_id is not null and c.bad is null) as unmeasured_minutes,
    count(distinct c.client_mac) as users
from sites s
left join call_minutes c on c.org_id = s.org_id and c.site_id = s.site_id and c.start_at >= @from_at and c.start_at < @to_at
where s.org_id = @org_id
group by s.site_id, s.name
order by bad_minutes desc, s.name;

-- name: WorstCalls :many
select m.leg_id, m.provider, m.account_id, m.meeting_id, m.site_id, m.client_mac, m.person_sealed, m.join_at, m.leave_at,
    count(*) as minutes,
    count(*) filter (where c.bad) as bad_minutes,
    coalesce(mode() within group (order by c.worst_metric) filter (where c.bad), '')::text as worst_metric,
    coalesce(mode() within group (order by c.worst_direction) filter (where c.bad), '')::text as worst_direction,
    exists (select from weaves w where w.org_id = m.org_id and w.provider = m.provider and w.account_id = m.account_id
        and w.meeting_id = m.meeting_id and w.provisional) as provisional
from call_minutes c
join matches m using (org_id, leg_id)
where c.org_id = @org_id and c.start_at >= @from_at and c.start_at < @to_at
group by m.org_id, m.leg_id
having count(*) filter (where c.bad) > 0
order by bad_minutes desc, m.leg_id
limit @max_rows;

-- name: BadMinutesOfCauses :many
-- The bad minutes of an interval that may be part of an incident: what others share.
select c.start_at, c.leg_id, c.client_mac::macaddr as client_mac, c.site_id, c.ap_mac, c.band, c.bucket, coalesce(c.top_features[1], '')::text as top_feature
from call_minutes c
where c.org_id = @org_id and (sqlc.narg(site_id)::uuid is null or c.site_id = sqlc.narg(site_id))
  and c.start_at >= @from_at and c.start_at < @to_at and c.bad and c.bucket in ('wireless', 'site_wan')
  and c.client_mac is not null and (@provider::text = '' or c.provider = @provider)
limit @max_rows;
