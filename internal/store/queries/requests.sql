-- name: ReserveRequests :one
-- Charges n requests unless the day's budget does not hold them, or no link of the
-- account goes on: then no row. The budget is the smallest setting of these links.
with fence as (
    select true from links
    where provider = @provider and account_id = @account_id and status <> 'unlinking'
    limit 1 for share
), budget as (
    select min(coalesce(max_daily_api_requests, @default_budget::integer))::bigint as requests
    from links where provider = @provider and account_id = @account_id and status <> 'unlinking'
), others as (
    select coalesce(sum(spent), 0)::bigint as spent from api_requests
    where provider = @provider and account_id = @account_id and day = @day and category <> @category
)
insert into api_requests as r (provider, account_id, day, category, spent)
select @provider, @account_id, @day, @category, @n::bigint from fence, budget, others
where others.spent + @n::bigint <= budget.requests
on conflict (provider, account_id, day, category) do update
set spent = r.spent + excluded.spent
where r.spent + excluded.spent + (select spent from others) <= (select requests from budget)
returning r.spent;

-- name: SpentRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests
where provider = @provider and account_id = @account_id and day = @day;

-- name: TotalRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests where provider = $1 and account_id = $2;
