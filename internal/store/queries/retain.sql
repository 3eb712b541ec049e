-- What has expired goes by partitions where it has for everybody, else in batches: rows are
-- found by an index, a day's partition at a time.

-- name: Retained :one
-- Whether what expired by a day is removed.
select exists (select from retentions where day >= @day::date);

-- name: SetRetained :exec
insert into retentions (day) values (@day::date) on conflict (only_row) do update set day = excluded.day;

-- name: ForgetRetained :exec
delete from retentions;

-- name: SetOrgKeep :execrows
-- A negative number leaves a setting as it is, 0 gives it back to the configuration.
update orgs
set keep_minutes_days = case when @minutes::integer < 0 then keep_minutes_days else nullif(@minutes::integer, 0) end,
    keep_media_days = case when @media::integer < 0 then keep_media_days else nullif(@media::integer, 0) end,
    keep_devices_days = case when @devices::integer < 0 then keep_devices_days else nullif(@devices::integer, 0) end
where org_id = @org_id;

-- name: OrgsKeep :many
select org_id, coalesce(keep_minutes_days, @minutes_days::integer)::integer as minutes_days,
    coalesce(keep_media_days, @media_days::integer)::integer as media_days,
    coalesce(keep_devices_days, @devices_days::integer)::integer as devices_days
from orgs order by org_id;

-- name: AccountsKeep :many
-- An account's data are kept as long as any org linked to it keeps them.
select l.provider, l.account_id, max(coalesce(o.keep_media_days, @media_days::integer))::integer as media_days,
    max(greatest(coalesce(o.keep_media_days, @media_days::integer), coalesce(o.keep_minutes_days, @minutes_days::integer)))::integer as meetings_days
from links l
join orgs o using (org_id)
group by l.provider, l.account_id
order by l.provider, l.account_id;

-- name: ExpireCallMinutes :execrows
delete from call_minutes s
where s.ctid = any(array(
        select c.ctid from call_minutes c
        where c.org_id = @org_id and c.start_at >= @day and c.start_at < @next_day
        limit @max_rows))
  and s.org_id = @org_id and s.start_at >= @day and s.start_at < @next_day;

-- name: ExpireMediaSamples :execrows
-- @earliest is a week before the day: of meetings that last longer, which are few, samples
-- go with their partition.
delete from media_samples s
where s.ctid = any(array(
        select b.ctid from meetings m
        join legs l on l.provider = m.provider and l.account_id = m.account_id and l.meeting_id = m.meeting_id
        join media_samples b on b.leg_id = l.leg_id and b.start_at >= @day and b.start_at < @next_day
        where m.provider = @provider and m.account_id = @account_id and m.start_at >= @earliest and m.start_at < @next_day
        limit @max_rows))
  and s.start_at >= @day and s.start_at < @next_day;

-- name: ExpireLeases :execrows
delete from leases
where ctid = any(array(
    select l.ctid from leases l where l.org_id = @org_id and l.from_at < @before and l.to_at < @before limit @max_rows));

-- name: ExpireMatches :execrows
-- Nobody leaves before they join: that is what the index knows.
delete from matches
where ctid = any(array(
    select m.ctid from matches m where m.org_id = @org_id and m.join_at < @before and m.leave_at < @before limit @max_rows));

-- name: ExpireWeaves :execrows
-- What is still to be woven stays, unless its meeting has expired: it would come first for ever.
delete from weaves
where ctid = any(array(
    select w.ctid from weaves w
    where w.org_id = @org_id and w.end_at < @before
      and (not w.pending or not exists (
        select from meetings m where m.provider = w.provider and m.account_id = w.account_id and m.meeting_id = w.meeting_id))
    limit @max_rows));

-- name: FinishWeaves :execrows
-- What a meeting was woven from has expired: nothing that comes late may have it woven again
-- from the rest.
update weaves set final = true
where ctid = any(array(select w.ctid from weaves w where w.org_id = @org_id and w.end_at < @before and not w.final and not w.pending limit @max_rows));

-- name: MeetingsToExpire :many
select meeting_id from meetings
where provider = @provider and account_id = @account_id and start_at < @before and end_at < @before
limit @max_rows;

-- name: LegsOfMeetings :many
select leg_id from legs where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[]);

-- name: ExpireMeetings :execrows
-- Their legs go with them.
delete from meetings where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[]);
