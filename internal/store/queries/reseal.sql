-- Everything that the master keyset seals in the database. The places are named in
-- reseal.go; a test holds them to the columns of the schema.

-- name: CountSealed :many
-- How many values there are by the beginning of their ciphertext, which tells the key.
with sealed as (
    select 'vault.data_keys.key_sealed'::text as place, substring(key_sealed for 8) as prefix from vault.data_keys where key_sealed is not null
    union all select 'orgs.mist_token_sealed', substring(mist_token_sealed for 5) from orgs
    union all select 'authorizations.verifier_sealed', substring(verifier_sealed for 5) from authorizations where verifier_sealed <> ''
    union all select 'authorizations.code_sealed', substring(code_sealed for 5) from authorizations where code_sealed is not null
    union all select 'unlanded_grants.grant_sealed', substring(grant_sealed for 5) from unlanded_grants
    union all select 'revocations.grant_sealed', substring(grant_sealed for 5) from revocations
)
select place, prefix::bytea as prefix, count(*) as values from sealed group by place, prefix order by place, prefix;

-- name: SealedValues :many
-- A page of the values of one place after a row, in the order of the rows' ids.
with sealed as (
    select 'vault.data_keys.key_sealed'::text as place, scope as id, key_sealed as value from vault.data_keys where key_sealed is not null
    union all select 'orgs.mist_token_sealed', org_id::text, mist_token_sealed from orgs
    union all select 'authorizations.verifier_sealed', authorization_id::text, verifier_sealed from authorizations where verifier_sealed <> ''
    union all select 'authorizations.code_sealed', authorization_id::text, code_sealed from authorizations where code_sealed is not null
    union all select 'unlanded_grants.grant_sealed', authorization_id::text, grant_sealed from unlanded_grants
    union all select 'revocations.grant_sealed', receipt_id::text, grant_sealed from revocations
)
select id::text as id, value::bytea as value from sealed where place = @place::text and id > @after::text order by id limit @max_rows;

-- Each replaces a value only where it still is the one that was read: who wrote meanwhile wins.

-- name: ResealDataKey :execrows
update vault.data_keys set key_sealed = @resealed where scope = @scope and key_sealed = @sealed;

-- name: ResealNetworkToken :execrows
update orgs set mist_token_sealed = @resealed where org_id = @org_id and mist_token_sealed = @sealed;

-- name: ResealVerifier :execrows
update authorizations set verifier_sealed = @resealed where authorization_id = @authorization_id and verifier_sealed = @sealed;

-- name: ResealCode :execrows
update authorizations set code_sealed = @resealed where authorization_id = @authorization_id and code_sealed = @sealed;

-- name: ResealGrant :execrows
update unlanded_grants set grant_sealed = @resealed where authorization_id = @authorization_id and grant_sealed = @sealed;

-- name: ResealRevocation :execrows
update revocations set grant_sealed = @resealed where receipt_id = @receipt_id and grant_sealed = @sealed;
