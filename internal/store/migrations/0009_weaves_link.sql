-- +goose Up

-- What is to be erased of a link is found without what other links of its org, or of its
-- account, have between.
create index weaves_link on weaves (org_id, provider, account_id);
drop index weaves_org;

-- +goose Down
create index weaves_org on weaves (org_id);
drop index weaves_link;
