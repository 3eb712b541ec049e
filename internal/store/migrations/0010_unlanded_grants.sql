-- +goose Up

-- What an authorization code was exchanged for, until it has landed as a credential or was
-- revoked at the provider. It names neither org nor account, and it outlives the
-- authorization: whatever erases that must not leave a grant alive that nobody knows.
create table unlanded_grants (
    authorization_id uuid primary key, -- no foreign key
    provider         text        not null check (provider in ('zoom', 'teams')),
    grant_sealed     bytea       not null, -- and whose it is, once that is known; master keyset
    shared           boolean     not null default false, -- the account's other links live by it
    exchanged_at     timestamptz not null default clock_timestamp()
);

insert into unlanded_grants (authorization_id, provider, grant_sealed)
select authorization_id, provider, grant_sealed from authorizations where grant_sealed is not null;

alter table authorizations drop column grant_sealed;

-- +goose Down
alter table authorizations add column grant_sealed bytea;
update authorizations a set grant_sealed = g.grant_sealed from unlanded_grants g where g.authorization_id = a.authorization_id;
drop table unlanded_grants;
