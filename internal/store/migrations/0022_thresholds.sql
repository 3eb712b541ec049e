-- +goose Up

-- By which of an org's thresholds minutes were judged. They are judged anew, from what is
-- stored, wherever that is not the last: also where a weaver lands what it judged before the
-- thresholds changed.
alter table orgs add column thresholds_revision integer not null default 0;
alter table weaves add column thresholds_revision integer not null default 0;

-- The newest meetings first. What was never woven has no minutes to judge.
create index weaves_judged on weaves (org_id, provider, account_id, thresholds_revision, end_at desc) where revision > 0;

-- +goose Down
drop index weaves_judged;
alter table weaves drop column thresholds_revision;
alter table orgs drop column thresholds_revision;
