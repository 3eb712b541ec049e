-- name: UpsertOrg :exec
-- Without an address of a network an org that has one keeps it.
insert into orgs (org_id, name, mist_url, mist_token_sealed)
values ($1, $2, $3, $4)
on conflict (org_id) do update
set name = excluded.name,
    mist_url = coalesce(nullif(excluded.mist_url, ''), orgs.mist_url),
    mist_token_sealed = case when excluded.mist_url = '' then orgs.mist_token_sealed else excluded.mist_token_sealed end;

-- name: Org :one
select * from orgs where org_id = $1;

-- name: Orgs :many
select * from orgs order by name, org_id;

-- name: SetThresholds :execrows
-- Changes nothing where nothing changes.
update orgs
set latency_bad_ms = coalesce(sqlc.narg(latency_bad_ms)::real, latency_bad_ms),
    jitter_bad_ms = coalesce(sqlc.narg(jitter_bad_ms)::real, jitter_bad_ms),
    loss_bad_ratio = coalesce(sqlc.narg(loss_bad_ratio)::real, loss_bad_ratio),
    thresholds_revision = thresholds_revision + 1
where org_id = @org_id
  and (latency_bad_ms, jitter_bad_ms, loss_bad_ratio)
    <> (coalesce(sqlc.narg(latency_bad_ms)::real, latency_bad_ms), coalesce(sqlc.narg(jitter_bad_ms)::real, jitter_bad_ms),
        coalesce(sqlc.narg(loss_bad_ratio)::real, loss_bad_ratio));

-- name: OrgIsLinked :one
-- Also by a link that is being erased.
select exists (select from links where org_id = $1);

-- name: RemoveOrg :execrows
-- Its tokens, and attempts to link that came to nothing, go with it.
delete from orgs where org_id = $1;
