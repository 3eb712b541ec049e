-- +goose Up

-- The histories of workflows name account and org, too. They are erased when the last of
-- them has closed, which may be days after the rows: a revocation waits for the provider.
alter table receipts
    add column executions_deleted  integer not null default 0, -- workflow executions, so far
    add column executions_left     integer,                    -- found by the last look; null before the first
    add column histories_erased_at timestamptz;                -- null while any is left

-- Executions whose deletion was asked for: Temporal deletes later than it answers. Kept
-- until none is left, so that each is counted once.
create table swept_executions (
    receipt_id uuid        not null references receipts on delete cascade,
    run_id     text        not null,
    asked_at   timestamptz not null default now(),
    primary key (receipt_id, run_id)
);

create index authorizations_expiry on authorizations (expires_at);

-- +goose Down
drop index authorizations_expiry;
drop table swept_executions;
alter table receipts drop column executions_deleted, drop column executions_left, drop column histories_erased_at;
