-- name: AddWebhook :execrows
insert into webhook_events (provider, event_key, event, account_id, user_id, meeting_id, event_at)
values (@provider, @event_key, @event, sqlc.narg('account_id'), sqlc.narg('user_id'), sqlc.narg('meeting_id'), sqlc.narg('event_at'))
on conflict (provider, event_key) do nothing;

-- name: AddSettledWebhook :execrows
insert into webhook_events (provider, event_key, event, event_at, state, outcome, settled_at)
values (@provider, @event_key, @event, sqlc.narg('event_at'), 'settled', @outcome::text, now())
on conflict (provider, event_key) do nothing;

-- name: OpenWebhooks :many
select event_id, event, provider, account_id from webhook_events
where state = 'stored' and event_id > @after_id
order by event_id
limit @max_rows;

-- name: Webhook :one
select * from webhook_events where event_id = $1;

-- name: SettleWebhook :exec
update webhook_events set state = 'settled', outcome = @outcome::text, settled_at = now(), user_id = null, meeting_id = null
where event_id = @event_id and state = 'stored';

-- name: SettleWebhooks :execrows
-- All of one kind that one deed has seen to.
update webhook_events set state = 'settled', outcome = @outcome::text, settled_at = now(), user_id = null, meeting_id = null
where provider = @provider and account_id = @account_id::text and event = @event and event_id <= @up_to and state = 'stored';

-- name: PurgeWebhooks :execrows
delete from webhook_events where state = 'settled' and settled_at < @before::timestamptz;

-- name: EraseWebhooks :execrows
delete from webhook_events
where ctid = any(array(
    select w.ctid from webhook_events w where w.provider = @provider and w.account_id = @account_id::text limit @max_rows));
