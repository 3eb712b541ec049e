-- name: LeasesOverlapping :many
select * from leases
where org_id = @org_id and to_at > @from_at and from_at < @to_at
order by mac, from_at;
