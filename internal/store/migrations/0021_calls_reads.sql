-- +goose Up

-- Calls of a whole org, and those of one meeting, by what people know it by.
create index matches_org on matches (org_id, join_at);
create index matches_uuid on matches (org_id, meeting_uuid);

-- Bad minutes are few: they are found without the good ones, and only they cost an entry.
create index call_minutes_bad on call_minutes (org_id, site_id, start_at) where bad;

-- +goose Down
drop index call_minutes_bad, matches_uuid, matches_org;
