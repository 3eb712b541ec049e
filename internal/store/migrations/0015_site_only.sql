-- +goose Up

-- A leg whose public address tells the site, and of which no client is known.
alter table matches alter column client_mac drop not null;
alter table call_minutes alter column client_mac drop not null;

-- +goose Down
delete from call_minutes where client_mac is null;
delete from matches where client_mac is null;
alter table call_minutes alter column client_mac set not null;
alter table matches alter column client_mac set not null;
