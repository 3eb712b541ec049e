-- name: LeasesOverlapping :many
-- Bound on both sides, so that an interval costs what it held, whatever came before and
-- after. Leases of a day at most are found by leases_start from a day before the interval
-- on, the others by leases_long.
select * from leases
where org_id = @org_id and to_at > @from_at and from_at < @to_at
  and (from_at >= @day_before or to_at - from_at > interval '24 hours')
order by mac, from_at;
