-- What pages of the console read beside what the API reads.

-- name: CredentialState :one
-- What an account allows, without what it allows it with.
select scopes, state, verdict, authorized_at, refreshed_at
from credentials where provider = $1 and account_id = $2;

-- name: OrgFreshness :one
-- Up to when what is shown of an org is complete; null where nothing is known yet.
select o.devices_synced_at, l.last_sync_at as calls_synced_at,
    (select count(*) from links c where c.org_id = o.org_id and c.status <> 'unlinking') as links,
    (select count(*) from links c where c.org_id = o.org_id and c.status <> 'unlinking' and c.last_sync_at is null) as links_waiting
from orgs o
left join lateral (
    select i.last_sync_at from links i where i.org_id = o.org_id and i.status <> 'unlinking' and i.last_sync_at is not null
    order by i.last_sync_at limit 1
) l on true
where o.org_id = @org_id;

-- name: CallsSeen :many
-- Calls that went on in an interval, newest first, narrowed by what was asked for.
select m.leg_id, m.provider, m.account_id, m.site_id, coalesce(s.name, '') as site_name, m.client_mac, m.person_sealed, m.join_at, m.leave_at,
    c.minutes, c.bad_minutes, c.unmeasured_minutes, c.worst_metric, c.worst_direction, c.worst_bucket,
    exists (select from weaves w where w.org_id = m.org_id and w.provider = m.provider and w.account_id = m.account_id
        and w.meeting_id = m.meeting_id and w.provisional) as provisional
from matches m
left join sites s on s.org_id = m.org_id and s.site_id = m.site_id
cross join lateral (
    select count(*) as minutes,
        count(*) filter (where i.bad) as bad_minutes,
        count(*) filter (where i.bad is null) as unmeasured_minutes,
        coalesce(mode() within group (order by i.worst_metric) filter (where i.bad), '')::text as worst_metric,
        coalesce(mode() within group (order by i.worst_direction) filter (where i.bad), '')::text as worst_direction,
        coalesce(mode() within group (order by i.bucket) filter (where i.bad), '')::text as worst_bucket
    from call_minutes i
    where i.org_id = m.org_id and i.leg_id = m.leg_id and i.start_at >= m.join_at - interval '5 minutes' and i.start_at < m.leave_at + interval '5 minutes'
) c
where m.org_id = @org_id and m.join_at < @to_at and m.leave_at > @from_at and m.join_at >= @joined_since
  and (sqlc.narg(leg_ids)::bigint[] is null or m.leg_id = any(sqlc.narg(leg_ids)))
  and (sqlc.narg(site_id)::uuid is null or m.site_id = sqlc.narg(site_id))
  and (sqlc.narg(client_mac)::macaddr is null or m.client_mac = sqlc.narg(client_mac))
  and (@meeting::text = '' or m.meeting_id = @meeting or m.meeting_uuid::text = @meeting
    or exists (select from meetings g where g.provider = m.provider and g.account_id = m.account_id and g.meeting_id = m.meeting_id
        and g.meeting_number = @meeting_number::bigint))
order by m.join_at desc, m.leg_id desc
limit @max_rows;

-- name: WorstLegs :many
select c.leg_id from call_minutes c
where c.org_id = @org_id and c.start_at >= @from_at and c.start_at < @to_at and c.bad
  and (sqlc.narg(site_id)::uuid is null or c.site_id = sqlc.narg(site_id))
group by c.leg_id
order by count(*) desc, c.leg_id
limit @max_rows;

-- name: PeopleSeen :many
-- Who was in the calls of an interval, newest first, to be searched once they are opened.
select m.leg_id, m.provider, m.account_id, m.person_sealed
from matches m
where m.org_id = @org_id and m.join_at < @to_at and m.leave_at > @from_at
  and m.join_at >= @joined_since
order by m.join_at desc, m.leg_id desc
limit @max_rows;

-- name: CallOfLeg :one
select sqlc.embed(m), coalesce(s.name, '') as site_name, coalesce(g.meeting_number, 0)::bigint as meeting_number,
    coalesce(w.provisional, false)::boolean as provisional, w.woven_at
from matches m
left join sites s on s.org_id = m.org_id and s.site_id = m.site_id
left join meetings g on g.provider = m.provider and g.account_id = m.account_id and g.meeting_id = m.meeting_id
left join weaves w on w.provider = m.provider and w.account_id = m.account_id and w.meeting_id = m.meeting_id and w.org_id = m.org_id
where m.org_id = @org_id and m.leg_id = @leg_id;

-- name: MinutesOfLeg :many
select * from call_minutes
where org_id = @org_id and leg_id = @leg_id and start_at >= @from_at and start_at < @to_at
order by start_at;

-- name: SiteOfOrg :one
select * from sites where org_id = @org_id and site_id = @site_id;

-- name: CausesOverTime :many
-- Minutes of a site by when they were and, where they were bad, by where they are to be fixed.
select date_bin(make_interval(secs => @slot_seconds::float8), start_at, @origin_at::timestamptz)::timestamptz as slot_at,
    count(*) as minutes,
    count(*) filter (where bad) as bad_minutes,
    count(*) filter (where bad is null) as unmeasured_minutes,
    count(*) filter (where bad and bucket = 'client') as bad_client,
    count(*) filter (where bad and bucket = 'wireless') as bad_wireless,
    count(*) filter (where bad and bucket = 'site_wan') as bad_site_wan,
    count(*) filter (where bad and bucket = 'far_end') as bad_far_end,
    count(*) filter (where bad and bucket = 'unknown') as bad_unknown
from call_minutes
where org_id = @org_id and site_id = @site_id and start_at >= @from_at and start_at < @to_at
group by slot_at
order by slot_at;

-- name: WorstAccessPoints :many
select ap_mac,
    count(*) as minutes,
    count(*) filter (where bad) as bad_minutes,
    count(distinct client_mac) as clients,
    coalesce(mode() within group (order by bucket) filter (where bad), '')::text as worst_bucket
from call_minutes
where org_id = @org_id and site_id = @site_id and start_at >= @from_at and start_at < @to_at and ap_mac is not null
group by ap_mac
order by bad_minutes desc, minutes desc, ap_mac
limit @max_rows;

-- name: Revealed :one
-- Whether somebody was shown a name of an object since a time.
select exists (
    select from audit_log where action = 'person revealed' and object = @object and org_id = @org_id::uuid and actor = @actor and at > @since
);
