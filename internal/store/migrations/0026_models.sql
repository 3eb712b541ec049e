-- +goose Up

-- What an org's own call minutes taught about it. Versions count up for ever, so that a
-- call minute never names another model than the one that explained it.
create table models (
    org_id      uuid        not null references orgs on delete cascade,
    version     integer     not null check (version > 0), -- 0 is the factory's, which is part of the program
    trained_at  timestamptz not null default now(),
    from_at     timestamptz not null,
    to_at       timestamptz not null,
    minutes     integer     not null,
    bad_minutes integer     not null,
    scores      jsonb       not null,
    body        bytea       not null, -- package explain's encoding
    primary key (org_id, version)
);

alter table orgs add column model_version integer not null default 0; -- the last one given out

-- Which model explained a bad minute, which features it blamed, the foremost first, and how
-- far the bucket leads. Its contributions are computed from these when they are asked for.
alter table call_minutes
    add column model_version integer,
    add column top_features  text[],
    add column confidence    real;

-- +goose Down
alter table call_minutes drop column model_version, drop column top_features, drop column confidence;
alter table orgs drop column model_version;
drop table models;
