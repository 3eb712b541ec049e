-- name: LockRequests :exec
-- One reservation of an account at a time, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('requests/' || @provider::text || '/' || @account_id::text, 0));

-- name: ReserveRequests :one
-- Charges n requests unless the day's budget does not hold them: then no row. The budget
-- is the smallest setting of the account's links that go on.
with budget as (
    select min(coalesce(max_daily_api_requests, @default_budget::integer))::bigint as requests
    from links where provider = @provider and account_id = @account_id and status <> 'unlinking'
), spent as (
    select coalesce(sum(spent), 0)::bigint as requests from api_requests
    where provider = @provider and account_id = @account_id and day = @day
)
insert into api_requests as r (provider, account_id, day, category, spent)
select @provider, @account_id, @day, @category, @n::bigint from budget, spent
where spent.requests + @n::bigint <= budget.requests
on conflict (provider, account_id, day, category) do update set spent = r.spent + excluded.spent
returning r.spent;

-- name: SpentRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests
where provider = @provider and account_id = @account_id and day = @day;

-- name: TotalRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests where provider = $1 and account_id = $2;
