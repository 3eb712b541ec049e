-- +goose Up

-- How far an account was listed is found at a cost that does not grow with its ledger.
create index windows_live_listed on windows (provider, account_id, to_at desc) include (from_at, meetings)
    where origin = 'live' and state = 'listed';

-- Charges n requests of an account to a day, unless the day's budget does not hold them:
-- then false; null where no link of the account goes on. The budget is the smallest setting
-- of the account's links that go on. A function, because what is spent must be looked up
-- after the wait for the lock, and a statement sees what was there when it began.
-- +goose StatementBegin
create function reserve_requests(in_provider text, in_account_id text, in_day date, in_category text, in_n bigint, in_default integer) returns boolean
language plpgsql as $$
begin
    perform from links where provider = in_provider and account_id = in_account_id and status <> 'unlinking' limit 1 for share;
    if not found then
        return null;
    end if;
    -- One reservation of an account at a time, until the transaction ends.
    perform pg_advisory_xact_lock(hashtextextended('requests/' || in_provider || '/' || in_account_id, 0));
    insert into api_requests as r (provider, account_id, day, category, spent)
    select in_provider, in_account_id, in_day, in_category, in_n
    where in_n + (select coalesce(sum(spent), 0) from api_requests
                  where provider = in_provider and account_id = in_account_id and day = in_day)
          <= (select min(coalesce(max_daily_api_requests, in_default)) from links
              where provider = in_provider and account_id = in_account_id and status <> 'unlinking')
    on conflict (provider, account_id, day, category) do update set spent = r.spent + excluded.spent;
    return found;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function reserve_requests(text, text, date, text, bigint, integer);
drop index windows_live_listed;
