-- +goose Up

-- What the next poll of an org's network must know of the last one: running leases and
-- counters. It changes in the transaction that lands a poll, so that two collectors of one
-- org can never both continue from the same poll.
create table device_states (
    org_id       uuid primary key references orgs on delete cascade,
    polled_at    timestamptz not null,
    state_sealed bytea       not null -- org key
);

create index matches_meeting on matches (provider, account_id, meeting_id, org_id);

-- +goose Down
drop index matches_meeting;
drop table device_states;
