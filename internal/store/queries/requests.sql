-- name: ReserveRequests :one
-- One statement: a request costs one round trip to the database before it costs one to the
-- provider.
select (r is not null)::boolean as linked, coalesce(r, false)::boolean as granted
from reserve_requests(@provider::text, @account_id::text, @day::date, @category::text, @requests::bigint, @default_budget::integer) r;

-- name: SpentRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests
where provider = @provider and account_id = @account_id and day = @day;

-- name: TotalRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests where provider = $1 and account_id = $2;
