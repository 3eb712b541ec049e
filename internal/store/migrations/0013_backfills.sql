-- +goose Up

-- What somebody asked to be harvested of the past. One per account and begin, as the id of
-- its workflow; asked for again, the row is the last one's.
create table backfills (
    provider     text        not null,
    account_id   text        not null,
    from_at      timestamptz not null,
    to_at        timestamptz not null,
    state        text        not null default 'running' check (state in ('running', 'paused', 'done', 'canceled')),
    workflow_id  text        not null,
    requested_by text        not null, -- api token id, "cli" or a workflow's id: never a name
    requested_at timestamptz not null default now(),
    paused_at    timestamptz,
    finished_at  timestamptz,
    outcome      jsonb,                -- counts and causes, once it has finished
    primary key (provider, account_id, from_at),
    foreign key (provider, account_id) references accounts on delete cascade,
    check (from_at < to_at),
    check ((state in ('done', 'canceled')) = (finished_at is not null))
);

-- The times of an account's backfills in a state.
create function backfills_in(in_provider text, in_account_id text, in_state text) returns tstzmultirange
language sql stable
return (
    select coalesce(range_agg(tstzrange(from_at, to_at)), '{}')
    from backfills where provider = in_provider and account_id = in_account_id and state = in_state
);

-- A live window that shows a meeting makes it live, whatever showed it first.
alter table meetings add column origin text not null default 'live' check (origin in ('live', 'backfill'));

-- What is due in the order in which it is read: what is new, what could not be read, the
-- past; newest first. Finding the first few costs the same however many there are.
create index meetings_queue on meetings
    (provider, account_id, (case when origin = 'backfill' then 2 when state = 'quarantined' then 1 else 0 end), start_at desc)
    where due_at is not null;

-- The meetings that are not read.
create index meetings_unread on meetings (provider, account_id, start_at desc)
    where state in ('seen', 'quarantined', 'gone', 'skipped');

-- +goose Down
drop index meetings_unread, meetings_queue;
alter table meetings drop column origin;
drop function backfills_in(text, text, text);
drop table backfills;
