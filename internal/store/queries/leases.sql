-- name: LeasesOverlapping :many
-- Bound on both sides, so that an interval costs what it held, whatever came before and
-- after. Leases of a day at most are found by leases_start from a day before the interval
-- on, the others by leases_long.
select * from leases
where org_id = @org_id and to_at > @from_at and from_at < @to_at
  and (from_at >= @day_before or long_until >= timezone('UTC', @from_at::timestamptz)::date)
order by mac, from_at;

-- name: LeasesOfDevices :many
-- Those of the hardware addresses, of the clients that had one of the addresses, and of the
-- wired clients that came or went meanwhile.
select l.* from (
    select unnest(@macs::macaddr[]) as mac
    union
    select i.mac from leases i
    where i.org_id = @org_id and i.ip = any(@ips::inet[]) and i.from_at < @to_at and i.to_at > @from_at
    union
    select p.mac from leases p where p.org_id = @org_id and p.wired and p.from_at > @from_at and p.from_at < @to_at
    union
    select u.mac from leases u where u.org_id = @org_id and u.wired and u.to_at > @from_at and u.to_at < @to_at
      and u.until_day between timezone('UTC', @from_at::timestamptz)::date and timezone('UTC', @to_at::timestamptz)::date
) d
join leases l on l.org_id = @org_id and l.mac = d.mac and l.to_at > @from_at and l.from_at < @to_at
order by l.mac, l.from_at;
