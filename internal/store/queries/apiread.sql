-- What the HTTP backend, the console and the command line read and change.

-- name: OfferAuthorization :exec
insert into authorizations (authorization_id, org_id, provider, requested_by, forward_url, verifier_sealed, expires_at)
values (@authorization_id, @org_id, @provider, @requested_by, @forward_url, @verifier_sealed, @expires_at);

-- name: DropStaleOffers :exec
delete from authorizations where org_id = @org_id and state = 'offered' and expires_at < @before;

-- name: OfferedAuthorization :one
select * from authorizations where authorization_id = @authorization_id and org_id = @org_id and provider = @provider;

-- name: ReturnAuthorization :execrows
update authorizations set state = 'returned', code_sealed = @code_sealed, returned_at = @now::timestamptz
where authorization_id = @authorization_id and state = 'offered' and expires_at > @now;

-- name: DenyAuthorization :execrows
update authorizations set state = 'refused', error_code = @error_code, returned_at = @now::timestamptz, verifier_sealed = ''
where authorization_id = @authorization_id and state = 'offered' and expires_at > @now;

-- name: LinkedAccounts :many
-- With the keys that open what is sealed of a link, so that a list costs one query.
select l.*, o.devices_synced_at, o.devices_error, a.company_sealed, ak.key_sealed as account_key_sealed, lk.key_sealed as link_key_sealed
from links l
join orgs o using (org_id)
join accounts a using (provider, account_id)
left join vault.data_keys ak on ak.scope = concat('account/', l.provider, '/', l.account_id)
left join vault.data_keys lk on lk.scope = concat('link/', l.provider, '/', l.account_id, '/', l.org_id)
where l.org_id = @org_id and (@provider::text = '' or l.provider = @provider) and l.status <> 'unlinking'
order by l.linked_at, l.account_id;

-- name: LinkStatus :one
select status from links where provider = @provider and account_id = @account_id and org_id = @org_id;

-- name: SetLinkSettings :execrows
update links
set max_daily_api_requests = coalesce(sqlc.narg(max_daily_api_requests), max_daily_api_requests),
    discard_guest_info = coalesce(sqlc.narg(discard_guest_info), discard_guest_info),
    live = coalesce(sqlc.narg(live), live)
where provider = @provider and account_id = @account_id and org_id = @org_id and status <> 'unlinking';

-- name: WasLinked :one
select exists (select from receipts where provider = @provider and account_id = @account_id and org_id = @org_id);

-- name: AccountHasLinks :one
select exists (select from links where provider = @provider and account_id = @account_id and status <> 'unlinking');

-- name: OrgHasSite :one
select exists (select from sites where org_id = @org_id and site_id = @site_id);

-- name: Receipts :many
select * from receipts
where (sqlc.narg(org_id)::uuid is null or org_id = sqlc.narg(org_id)) and (@account_id::text = '' or account_id = @account_id)
order by fenced_at desc, receipt_id
limit @max_rows;

-- name: QuarantinedMeetings :many
select m.provider, m.account_id, m.meeting_id, m.start_at, m.end_at, m.state, m.cause, m.attempts, m.due_at
from meetings m
where m.state in ('quarantined', 'gone')
  and (@account_id::text = '' or m.account_id = @account_id)
  and (sqlc.narg(org_id)::uuid is null or exists (
      select from links l
      where l.provider = m.provider and l.account_id = m.account_id and l.org_id = sqlc.narg(org_id) and l.status <> 'unlinking'))
order by m.start_at desc, m.meeting_id
limit @max_rows;
