-- name: ClaimHarvest :one
-- Takes or renews the claim where it is free, expired or the run has it already; no row
-- where another run holds it.
insert into harvest_claims as c (provider, account_id, workflow_id, run_id, expires_at)
values (@provider, @account_id, @workflow_id, @run_id, now() + make_interval(secs => @hold_seconds::float8))
on conflict (provider, account_id) do update
set workflow_id = excluded.workflow_id, run_id = excluded.run_id, expires_at = excluded.expires_at
where (c.workflow_id, c.run_id) = (excluded.workflow_id, excluded.run_id) or c.expires_at < now()
returning true;

-- name: HarvestClaim :one
select workflow_id from harvest_claims where provider = @provider and account_id = @account_id;

-- name: ReleaseHarvest :exec
delete from harvest_claims
where provider = @provider and account_id = @account_id and workflow_id = @workflow_id and run_id = @run_id;
