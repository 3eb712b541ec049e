-- name: DataKey :one
select key_sealed, destroyed_at from vault.data_keys where scope = $1;

-- name: AddDataKey :execrows
insert into vault.data_keys as k (scope, key_sealed)
values (@scope, @key_sealed)
on conflict (scope) do update
set key_sealed = excluded.key_sealed, created_at = now(), destroyed_at = null
where k.key_sealed is null and @renew::boolean;

-- name: DestroyDataKey :execrows
update vault.data_keys set key_sealed = null, destroyed_at = now() where scope = $1 and key_sealed is not null;

-- name: ForgetDataKey :exec
delete from vault.data_keys where scope = $1;
