-- name: UpsertOrg :exec
insert into orgs (org_id, name, mist_url, mist_token_sealed)
values ($1, $2, $3, $4)
on conflict (org_id) do update
set name = excluded.name, mist_url = excluded.mist_url, mist_token_sealed = excluded.mist_token_sealed;

-- name: Org :one
select * from orgs where org_id = $1;

-- name: Orgs :many
select * from orgs order by name, org_id;
