-- +goose Up

-- What is to be woven is an index of what is to be woven, however much was: a link has a
-- row for every meeting that was read, from the moment it was read.
alter table weaves
    add column read_revision integer not null default 0, -- of the meeting
    add column end_at timestamptz,                       -- of the meeting, as it was read
    -- A column, because the planner keeps statistics of columns: it knows how few are pending.
    add column pending boolean not null generated always as (read_revision > revision) stored,
    alter column woven_at drop not null,                 -- null: never
    alter column woven_at drop default;

insert into weaves as w (org_id, provider, account_id, meeting_id, revision, legs_matched, minutes, read_revision, end_at)
select l.org_id, m.provider, m.account_id, m.meeting_id, 0, 0, 0, m.revision, m.end_at
from links l
join meetings m using (provider, account_id)
where l.status <> 'unlinking' and m.revision > 0
on conflict (provider, account_id, meeting_id, org_id) do update
set read_revision = excluded.read_revision, end_at = excluded.end_at;

create index weaves_pending on weaves (provider, account_id, org_id, end_at, meeting_id) where pending;
analyze weaves;

-- Leases that overlap an interval: those that last a day at most begin within it or the
-- day before; the few longer ones have an index of their own. The old index found all
-- that ended later, however much later.
create index leases_start on leases (org_id, from_at);
create index leases_long on leases (org_id, to_at, from_at) where to_at - from_at > interval '24 hours';
drop index leases_time;

-- Attaching a partition locks out neither readers nor writers of the parent; creating one
-- as a partition waits for all of them, and they for it.
-- +goose StatementBegin
create or replace function ensure_partitions(parent text, from_at timestamptz, to_at timestamptz) returns integer
language plpgsql as $$
declare
    day  date := (from_at at time zone 'UTC')::date;
    last date := (to_at at time zone 'UTC')::date;
    made integer := 0;
    part text;
begin
    if last - day > 400 then
        raise exception 'ensure_partitions: % days asked for %, at most 400', last - day, parent;
    end if;
    while day <= last loop
        part := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
        if to_regclass(part) is null then
            perform pg_advisory_xact_lock(hashtextextended('ensure_partitions/' || parent, 0));
            begin
                execute format('create table %I (like %I including defaults including constraints)', part, parent);
                execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part,
                    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
                made := made + 1;
            exception when duplicate_table then
                null; -- made while we waited for the lock
            end;
        end if;
        day := day + 1;
    end loop;
    return made;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function ensure_partitions(parent text, from_at timestamptz, to_at timestamptz) returns integer
language plpgsql as $$
declare
    day  date := (from_at at time zone 'UTC')::date;
    last date := (to_at at time zone 'UTC')::date;
    made integer := 0;
    part text;
begin
    if last - day > 400 then
        raise exception 'ensure_partitions: % days asked for %, at most 400', last - day, parent;
    end if;
    while day <= last loop
        part := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
        if to_regclass(part) is null then
            perform pg_advisory_xact_lock(hashtextextended('ensure_partitions/' || parent, 0));
            begin
                execute format('create table %I partition of %I for values from (%L) to (%L)', part, parent,
                    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
                made := made + 1;
            exception when duplicate_table then
                null; -- made while we waited for the lock
            end;
        end if;
        day := day + 1;
    end loop;
    return made;
end
$$;
-- +goose StatementEnd
create index leases_time on leases (org_id, to_at);
drop index leases_start, leases_long;
drop index weaves_pending;
delete from weaves where revision = 0;
alter table weaves
    drop column pending,
    drop column read_revision,
    drop column end_at,
    alter column woven_at set default now(),
    alter column woven_at set not null;
