-- name: ShareOrg :one
-- Keeps how far the org's devices are complete as it is.
select true from orgs where org_id = $1 for share;

-- name: LateDevicesDue :one
select exists (select from late_devices where org_id = @org_id and landed_at <= now() - make_interval(secs => @wait_seconds::float8));

-- name: SitesChanged :one
select exists (select from late_devices where org_id = @org_id and kind = 'site');

-- name: NextLateMark :exec
update orgs set late_marks = late_marks + 1 where org_id = $1;

-- name: LockLateDevices :exec
-- Waits until nobody is between having put call minutes and committing them.
select pg_advisory_xact_lock(hashtextextended('late_devices/' || @org_id::uuid, 0));

-- name: ShareLateDevices :exec
select pg_advisory_xact_lock_shared(hashtextextended('late_devices/' || @org_id::uuid, 0));

-- name: SearchLateByIndex :exec
-- For the transaction. The planner cannot know that a few late devices touch a few meetings,
-- and would read through all that the org has.
select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true);

-- name: LimitStatements :exec
-- For the transaction, in milliseconds.
select set_config('statement_timeout', @limit_ms::text, true);

-- name: MarkLate :one
-- Takes devices that came late and queues the meetings that they touch:
--  · a sample of a client, a radio or a site: the meetings with call minutes of it within its time;
--  · a lease: those with call minutes of its client that it places elsewhere; and, for the time
--    in which nothing said before that the client was there under this address and name, those
--    with a leg that has the client's address or is recognised by nothing surer than a name;
--  · more leases than @few_leases: for such times of more than moments, all that overlap them, for
--    each lease would be compared with each leg of its time;
--  · more devices than are kept apart, and all where it is to be done coarsely: all that overlap their time.
with late as (
    delete from late_devices
    where late_id = any(array(select d.late_id from late_devices d where d.org_id = @org_id and d.kind <> 'site' order by d.landed_at, d.late_id limit @max_rows))
    returning *
), known_late as (
    select count(*) filter (where kind = 'lease') > @few_leases::bigint as many from late
), pieces as (
    select d.org_id, d.device, d.site_id, d.ip, d.named, piece, upper(piece) - lower(piece) > interval '2 minutes' as long from late d
    cross join lateral (
        select tstzmultirange(tstzrange(d.from_at, d.to_at)) - coalesce(range_agg(tstzrange(l.from_at, l.to_at)), '{}') as rest
        from leases l
        where l.org_id = d.org_id and l.mac = d.device and l.from_at < d.to_at and l.to_at > d.from_at
          and l.site_id = d.site_id and (d.ip is null or l.ip = d.ip) and (not d.named or l.hostname_sealed is not null)
          and not exists (select from late_devices o where o.org_id = l.org_id and o.kind = 'lease' and o.device = l.mac and o.source = l.source and o.lease_from = l.from_at)
    ) known
    cross join lateral unnest(known.rest) piece
    where d.kind = 'lease' and not @coarsely::boolean
), news as (
    select p.org_id, false as whole, p.device, p.site_id, p.ip, p.named, p.piece, p.long from pieces p
    where not p.long or not (select many from known_late)
    union all
    select t.org_id, true, null, null, null, null, unnest(t.times), true
    from (
        select a.org_id, range_agg(a.piece) as times from (
            select p.org_id, p.piece from pieces p where p.long and (select many from known_late)
            union all
            select d.org_id, tstzrange(d.from_at, d.to_at) from late d where d.kind = 'all' or @coarsely
        ) a
        group by a.org_id
    ) t
), touched as (
    select c.provider, c.account_id, c.meeting_id from late d
    cross join lateral (
        select * from call_minutes m
        where m.org_id = d.org_id and m.client_mac = d.device
          and m.start_at < d.to_at and m.start_at > d.from_at - interval '2 minutes' and m.end_at > d.from_at
        offset 0
    ) c
    where not @coarsely and (d.kind = 'client' or d.kind = 'lease' and (c.site_id, c.ap_mac, c.band) is distinct from (d.site_id, d.ap_mac, d.band))
    union
    select c.provider, c.account_id, c.meeting_id from late d
    cross join lateral (
        select * from call_minutes m
        where m.org_id = d.org_id and m.site_id = d.site_id
          and m.start_at < d.to_at and m.start_at > d.from_at - interval '2 minutes' and m.end_at > d.from_at
        offset 0
    ) c
    where not @coarsely and (d.kind = 'wan' or d.kind = 'radio' and c.ap_mac = d.device)
    union
    select c.provider, c.account_id, c.meeting_id from late d
    cross join lateral (
        select * from call_minutes m
        where m.org_id = d.org_id and m.end_at > d.from_at and m.start_at < d.to_at and m.end_at < d.to_at + interval '30 hours'
          and m.start_at > d.from_at - interval '30 hours' and m.end_at - m.start_at > interval '2 minutes'
        offset 0
    ) c
    where not @coarsely
      and (d.kind in ('client', 'lease') and c.client_mac = d.device or d.kind = 'radio' and c.ap_mac = d.device or d.kind = 'wan' and c.site_id = d.site_id)
    union
    select m.provider, m.account_id, m.meeting_id from news n
    join links k on k.org_id = n.org_id and k.status <> 'unlinking'
    cross join lateral (
        select * from meetings s
        where s.provider = k.provider and s.account_id = k.account_id and s.start_at < upper(n.piece) and s.start_at > lower(n.piece) - interval '2 hours'
          and s.end_at > lower(n.piece) and s.end_at - s.start_at <= interval '2 hours'
        union all
        select * from meetings s
        where s.provider = k.provider and s.account_id = k.account_id and s.end_at > lower(n.piece) and s.start_at < upper(n.piece)
          and s.end_at < upper(n.piece) + interval '30 hours' and s.end_at - s.start_at > interval '2 hours'
    ) m
    where n.whole or exists (
        select from legs g
        where g.provider = m.provider and g.account_id = m.account_id and g.meeting_id = m.meeting_id
          and tstzrange(g.join_at, greatest(g.join_at, coalesce(g.leave_at, m.end_at)), '[]') && n.piece
          -- A moment more or less of a client that was there anyway changes nothing.
          and (n.long or n.piece @> tstzrange(g.join_at, greatest(g.join_at, coalesce(g.leave_at, m.end_at)), '[]'))
          and (g.mac = n.device or n.ip = any(g.private_ips)
            -- A name tells of anybody of the account, an address of its neighbours at the site.
            or (n.named and not g.guest or (n.named or n.ip is not null)
                and exists (select from sites t where t.org_id = n.org_id and t.site_id = n.site_id and g.public_ip = any(t.public_ips || t.former_public_ips)))
              and not exists (select from matches x where x.org_id = n.org_id and x.leg_id = g.leg_id and x.rule in ('mac', 'private_ip'))))
), locked as materialized (
    select w.provider, w.account_id, w.meeting_id from weaves w
    join touched t using (provider, account_id, meeting_id)
    where w.org_id = @org_id and not w.final
    order by w.meeting_id, w.provider, w.account_id
    for no key update of w
), marked as (
    update weaves w set devices_revision = w.devices_revision + 1
    from locked l
    where w.org_id = @org_id and w.provider = l.provider and w.account_id = l.account_id and w.meeting_id = l.meeting_id
    returning true
)
select (select count(*) from late)::bigint as taken, (select count(*) from marked)::bigint as meetings;

-- name: MarkSite :one
-- Takes the latest day of what a site's change may touch, and queues the meetings that were
-- woven of it: those with a leg that the internet saw under an address that became the site's
-- or ceased to be, and those with a leg that has an address of a subnet that did, where it
-- may have been at the site.
with piece as materialized (
    select d.*, greatest(d.from_at, d.to_at - interval '24 hours') as since,
        (select s.public_ips || s.former_public_ips from sites s where s.org_id = d.org_id and s.site_id = d.site_id) as site_ips
    from late_devices d
    where d.org_id = @org_id and d.kind = 'site'
    order by d.late_id
    limit 1
), done as (
    delete from late_devices d using piece p where d.late_id = p.late_id and p.since <= p.from_at
), rest as (
    update late_devices d set to_at = p.since from piece p where d.late_id = p.late_id and p.since > p.from_at
), touched as (
    select m.provider, m.account_id, m.meeting_id from piece p
    join links k on k.org_id = p.org_id and k.status <> 'unlinking'
    cross join lateral (
        select * from meetings s
        where s.provider = k.provider and s.account_id = k.account_id and s.start_at < p.to_at and s.start_at > p.since - interval '2 hours'
          and s.end_at > p.since and s.end_at - s.start_at <= interval '2 hours'
        union all
        select * from meetings s
        where s.provider = k.provider and s.account_id = k.account_id and s.end_at > p.since and s.start_at < p.to_at
          and s.end_at < p.to_at + interval '30 hours' and s.end_at - s.start_at > interval '2 hours'
    ) m
    where exists (
        select from legs g
        where g.provider = m.provider and g.account_id = m.account_id and g.meeting_id = m.meeting_id
          and (g.public_ip = any(p.public_ips)
            or exists (select from unnest(g.private_ips) i where i <<= any(p.subnets::inet[]))
              and (p.anywhere or g.public_ip is null or g.public_ip = any(p.site_ips)
                or exists (select from matches x where x.org_id = p.org_id and x.leg_id = g.leg_id and x.site_id = p.site_id))))
), locked as materialized (
    select w.provider, w.account_id, w.meeting_id from weaves w
    join touched t using (provider, account_id, meeting_id)
    where w.org_id = @org_id and w.revision > 0 and not w.final
    order by w.meeting_id, w.provider, w.account_id
    for no key update of w
), marked as (
    update weaves w set devices_revision = w.devices_revision + 1
    from locked l
    where w.org_id = @org_id and w.provider = l.provider and w.account_id = l.account_id and w.meeting_id = l.meeting_id
    returning true
)
select (select count(*) from piece)::bigint as taken, (select count(*) from marked)::bigint as meetings;
