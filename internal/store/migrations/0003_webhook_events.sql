-- +goose Up

-- The inbox of the providers' webhooks: an event is stored before it is acknowledged and
-- handed on after, so that none is lost and none counts twice. It says what happened to
-- which account and when; whose account and meeting it was is kept only until that is seen to.
create table webhook_events (
    event_id    bigint generated always as identity primary key,
    provider    text        not null check (provider in ('zoom', 'teams')),
    event_key   bytea       not null check (length(event_key) = 32), -- SHA-256 of what tells it from others
    event       text        not null, -- the provider's name for it, such as app_deauthorized
    account_id  text,                 -- null where no link of the account goes on: nothing is kept of it
    user_id     text,                 -- who did it; null once settled
    meeting_id  text,                 -- the instance; null once settled
    event_at    timestamptz,          -- by the provider's clock; null where it does not say
    received_at timestamptz not null default now(),
    state       text        not null default 'stored' check (state in ('stored', 'settled')),
    outcome     text,                 -- what came of it
    settled_at  timestamptz,
    unique (provider, event_key),
    foreign key (provider, account_id) references accounts on delete cascade,
    check ((state = 'settled') = (outcome is not null and settled_at is not null))
);

create index webhook_events_open on webhook_events (event_id) where state = 'stored';
create index webhook_events_settled on webhook_events (settled_at) where state = 'settled';
create index webhook_events_account on webhook_events (provider, account_id);

-- +goose Down
drop table webhook_events;
