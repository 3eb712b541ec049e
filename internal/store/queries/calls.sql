-- A call is a match: one leg on the org's network. It belongs to the interval it began in,
-- so that adjacent intervals never show it twice.

-- name: SearchCalls :many
with found as (
    select m.provider, m.account_id, m.meeting_id, m.meeting_uuid, m.client_mac, m.join_at, m.leave_at, m.leg_id,
        m.audio_quality, m.video_quality, m.screen_quality,
        (case @sort_field::text
            when 'mac' then coalesce(m.client_mac::text, '')
            when 'meeting_id' then coalesce(m.meeting_uuid::text, m.meeting_id)
            when 'app' then m.provider
            when 'end_time' then to_char(extract(epoch from m.leave_at) * 1000000, 'FM00000000000000000000')
            else to_char(extract(epoch from m.join_at) * 1000000, 'FM00000000000000000000')
        end) collate "C" as sort_key
    from matches m
    where m.org_id = @org_id and m.site_id = @site_id and m.join_at >= @from_at and m.join_at < @to_at
      and (sqlc.narg(client_mac)::macaddr is null or m.client_mac = sqlc.narg(client_mac))
      and (@provider::text = '' or m.provider = @provider)
)
select found.provider, found.meeting_id, found.meeting_uuid, found.client_mac, found.join_at, found.leave_at, found.leg_id,
    found.audio_quality, found.video_quality, found.screen_quality, found.sort_key::text as sort_key,
    exists (select from weaves w where w.org_id = @org_id and w.provider = found.provider and w.account_id = found.account_id
        and w.meeting_id = found.meeting_id and w.provisional) as provisional
from found
where not @resumed::boolean
   or (@descending::boolean and (found.sort_key, found.leg_id) < ((@after_key::text) collate "C", @after_leg::bigint))
   or (not @descending::boolean and (found.sort_key, found.leg_id) > ((@after_key::text) collate "C", @after_leg::bigint))
order by
    case when @descending::boolean then found.sort_key end desc, case when @descending::boolean then found.leg_id end desc,
    case when not @descending::boolean then found.sort_key end, case when not @descending::boolean then found.leg_id end
limit @max_rows;

-- name: CountCalls :one
select count(*) from matches m
where m.org_id = @org_id and m.site_id = @site_id and m.join_at >= @from_at and m.join_at < @to_at
  and (sqlc.narg(client_mac)::macaddr is null or m.client_mac = sqlc.narg(client_mac))
  and (@provider::text = '' or m.provider = @provider);

-- name: SummarizeCalls :one
select count(distinct client_mac) as users,
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
