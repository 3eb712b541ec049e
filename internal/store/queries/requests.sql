-- name: SpentRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests
where provider = @provider and account_id = @account_id and day = @day;

-- name: TotalRequests :one
select coalesce(sum(spent), 0)::bigint from api_requests where provider = $1 and account_id = $2;
