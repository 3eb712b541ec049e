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
