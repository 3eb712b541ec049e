-- +goose Up

-- Sealed columns (…_sealed) hold Tink AEAD ciphertexts; see docs/design.md, "What is sealed".
-- Times are instants; intervals are half open: [from_at, to_at), [start_at, end_at).

-- Data keys live in a schema of their own, so that backups of the data can leave
-- them out: then destroying a key shreds what those backups hold.
create schema vault;

create table vault.data_keys (
    scope        text primary key, -- account/<provider>/<id>, link/<provider>/<id>/<org>, org/<org>
    key_sealed   bytea,            -- the scope's keyset, sealed by the master keyset; null once destroyed
    created_at   timestamptz not null default now(),
    destroyed_at timestamptz,
    check ((key_sealed is null) = (destroyed_at is not null))
);

create table orgs (
    org_id            uuid primary key,
    name              text        not null,
    mist_url          text        not null,
    mist_token_sealed bytea       not null, -- master keyset: the token outlives links
    latency_bad_ms    real        not null default 150 check (latency_bad_ms > 0),
    jitter_bad_ms     real        not null default 40 check (jitter_bad_ms > 0),
    loss_bad_ratio    real        not null default 0.02 check (loss_bad_ratio > 0 and loss_bad_ratio <= 1),
    devices_synced_at timestamptz,          -- device data is complete up to here
    devices_error     text,                 -- why the last collection went wrong; null when it did not
    created_at        timestamptz not null default now()
);

create table api_tokens (
    token_id     uuid primary key default gen_random_uuid(),
    token_hash   bytea       not null unique check (length(token_hash) = 32), -- SHA-256
    org_id       uuid        not null references orgs on delete cascade,
    role         text        not null check (role in ('admin', 'observer', 'helpdesk')),
    created_at   timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);

create index api_tokens_org on api_tokens (org_id);

-- One row per attempt to link, from the moment its URL was handed out.
create table authorizations (
    authorization_id uuid primary key,
    org_id           uuid        not null references orgs on delete cascade,
    provider         text        not null check (provider in ('zoom', 'teams')),
    requested_by     text        not null, -- api token id or "cli": never a name
    forward_url      text        not null,
    verifier_sealed  bytea       not null, -- PKCE, RFC 7636; master keyset
    code_sealed      bytea,                -- from the callback until it is exchanged; master keyset
    grant_sealed     bytea,                -- from the exchange until it has landed; master keyset
    state            text        not null default 'offered'
                     check (state in ('offered', 'returned', 'linked', 'refused')),
    error_code       text,                 -- why it was refused
    account_id       text,                 -- once linked
    created_at       timestamptz not null default now(),
    expires_at       timestamptz not null,
    returned_at      timestamptz
);

create index authorizations_org on authorizations (org_id, created_at desc);

create table accounts (
    provider       text        not null check (provider in ('zoom', 'teams')),
    account_id     text        not null,
    account_number text        not null default '',
    company_sealed bytea,                  -- account key
    created_at     timestamptz not null default now(),
    primary key (provider, account_id)
);

-- The one token pair of an account, shared by all its links: a provider account has one
-- valid pair per app, and a new authorization ends the one before (Zoom error 4741).
create table credentials (
    provider           text        not null,
    account_id         text        not null,
    grant_sealed       bytea       not null, -- account key
    prior_grant_sealed bytea,                -- kept until the new pair has worked once
    scopes             text[]      not null,
    access_expires_at  timestamptz not null,
    state              text        not null default 'active' check (state in ('active', 'dead')),
    verdict            text,                 -- why it is dead, or what went wrong last
    evidence           text,                 -- the provider's error code and status, no secret
    generation         bigint      not null default 1, -- grows with every new pair
    authorized_user_id text        not null default '',
    authorized_at      timestamptz not null default now(),
    refreshed_at       timestamptz not null default now(),
    primary key (provider, account_id),
    foreign key (provider, account_id) references accounts on delete cascade
);

create table links (
    provider               text        not null,
    account_id             text        not null,
    org_id                 uuid        not null references orgs,
    status                 text        not null default 'active'
                           check (status in ('active', 'failed', 'unlinking')),
    linked_by_sealed       bytea       not null, -- JSON {first_name, name, email, user_id}; link key
    linked_at              timestamptz not null default now(),
    max_daily_api_requests integer check (max_daily_api_requests > 0), -- null: the default
    discard_guest_info     boolean     not null default false,
    last_sync_at           timestamptz,
    last_status            text check (last_status in ('success', 'failed')),
    errors                 text[]      not null default '{}',
    missing_scopes         text[]      not null default '{}',
    unlink_requested_at    timestamptz,
    primary key (provider, account_id, org_id),
    foreign key (provider, account_id) references accounts
);

create index links_org on links (org_id);

-- The ledger: every window of an account and what became of it. A row that is not
-- 'listed' is a gap.
create table windows (
    provider   text        not null,
    account_id text        not null,
    from_at    timestamptz not null,
    to_at      timestamptz not null,
    origin     text        not null check (origin in ('live', 'backfill')),
    state      text        not null default 'planned' check (state in ('planned', 'listed', 'failed')),
    cause      text,                       -- of a failure: an error type, never a message with data
    attempts   integer     not null default 0,
    meetings   integer,                    -- found in it
    planned_at timestamptz not null default now(),
    listed_at  timestamptz,
    primary key (provider, account_id, from_at, to_at),
    foreign key (provider, account_id) references accounts on delete cascade,
    check (from_at < to_at)
);

create index windows_open on windows (provider, account_id, to_at desc) where state <> 'listed';

create table meetings (
    provider          text        not null,
    account_id        text        not null,
    meeting_id        text        not null, -- the provider's instance id (Zoom: UUID in base64)
    meeting_uuid      uuid,                 -- the same 16 bytes, where they are 16
    meeting_number    bigint      not null,
    list_kind         text        not null check (list_kind in ('past', 'past_one')),
    host_sealed       bytea       not null, -- JSON {name, email}; account key
    start_at          timestamptz not null,
    end_at            timestamptz not null,
    participant_count integer     not null,
    state             text        not null default 'seen'
                      check (state in ('seen', 'read', 'settled', 'quarantined', 'gone')),
    cause             text,                 -- of quarantine: an error type
    attempts          integer     not null default 0,
    revision          integer     not null default 0, -- grows with every read that landed
    due_at            timestamptz,          -- when it is to be read next; null: never
    seen_at           timestamptz not null default now(),
    read_at           timestamptz,
    primary key (provider, account_id, meeting_id),
    foreign key (provider, account_id) references accounts on delete cascade
);

create index meetings_due on meetings (provider, account_id, due_at) where due_at is not null;
create index meetings_start on meetings (provider, account_id, start_at);

create table legs (
    leg_id         bigint generated always as identity primary key,
    provider       text        not null,
    account_id     text        not null,
    meeting_id     text        not null,
    participant_id text        not null, -- valid within the meeting only
    join_at        timestamptz not null,
    leave_at       timestamptz,          -- null while unknown
    user_id        text        not null default '', -- the provider's user id; '' for a guest
    guest          boolean     not null,
    person_sealed  bytea       not null, -- JSON {name, email, hostname}; account key
    role           text        not null default '',
    device         text        not null default '',
    client_version text        not null default '',
    network_type   text        not null default '',
    data_center    text        not null default '',
    location       text        not null default '',
    public_ip      inet,
    private_ips    inet[]      not null default '{}',
    mac            macaddr,
    audio_quality  text        not null default '',
    video_quality  text        not null default '',
    screen_quality text        not null default '',
    unique (provider, account_id, meeting_id, participant_id, join_at),
    foreign key (provider, account_id, meeting_id) references meetings on delete cascade
);

-- One row per leg and interval. No foreign key to legs: partitions are loaded by COPY and
-- dropped whole; the landing transaction writes both, the erasure counts both.
create table media_samples (
    leg_id                  bigint      not null,
    start_at                timestamptz not null,
    end_at                  timestamptz not null,
    granularity             text        not null check (granularity in ('minute', 'stream')),
    audio_in_latency_ms     real, audio_in_jitter_ms      real, audio_in_loss_avg_ratio  real, audio_in_loss_max_ratio  real, audio_in_bitrate_bps  real,
    audio_out_latency_ms    real, audio_out_jitter_ms     real, audio_out_loss_avg_ratio real, audio_out_loss_max_ratio real, audio_out_bitrate_bps real,
    video_in_latency_ms     real, video_in_jitter_ms      real, video_in_loss_avg_ratio  real, video_in_loss_max_ratio  real, video_in_bitrate_bps  real,
    video_in_frame_rate_fps real, video_in_width_px       real, video_in_height_px       real,
    video_out_latency_ms    real, video_out_jitter_ms     real, video_out_loss_avg_ratio real, video_out_loss_max_ratio real, video_out_bitrate_bps real,
    video_out_frame_rate_fps real, video_out_width_px     real, video_out_height_px      real,
    screen_in_latency_ms    real, screen_in_jitter_ms     real, screen_in_loss_avg_ratio real, screen_in_loss_max_ratio real, screen_in_bitrate_bps real,
    screen_in_frame_rate_fps real, screen_in_width_px     real, screen_in_height_px      real,
    screen_out_latency_ms   real, screen_out_jitter_ms    real, screen_out_loss_avg_ratio real, screen_out_loss_max_ratio real, screen_out_bitrate_bps real,
    screen_out_frame_rate_fps real, screen_out_width_px   real, screen_out_height_px     real,
    client_cpu_avg_percent  real, client_cpu_max_percent  real, system_cpu_max_percent   real,
    wifi_rssi_avg_dbm       real, wifi_rssi_min_dbm       real, wifi_rssi_max_dbm        real,
    primary key (leg_id, start_at)
) partition by range (start_at);

-- Requests spent of a provider's daily quota, by UTC day.
create table api_requests (
    provider   text   not null,
    account_id text   not null,
    day        date   not null,
    category   text   not null,
    spent      bigint not null default 0,
    primary key (provider, account_id, day, category)
);

-- Who consumes an account's ledger now: one run at a time.
create table harvest_claims (
    provider    text        not null,
    account_id  text        not null,
    workflow_id text        not null,
    run_id      text        not null,
    expires_at  timestamptz not null,
    primary key (provider, account_id)
);

create table sites (
    org_id     uuid        not null references orgs on delete cascade,
    site_id    uuid        not null,
    name       text        not null,
    timezone   text        not null default '',
    public_ips inet[]      not null default '{}',
    subnets    cidr[]      not null default '{}',
    seen_at    timestamptz not null default now(),
    primary key (org_id, site_id)
);

create index sites_site on sites (site_id);

-- An interval in which a client had an address, a name and an access point. Any of
-- these may be unknown: sessions know no address, address searches know no AP.
create table leases (
    org_id          uuid        not null,
    mac             macaddr     not null,
    from_at         timestamptz not null,
    source          text        not null, -- snapshot, session, search, import
    to_at           timestamptz not null,
    site_id         uuid        not null,
    ip              inet,
    ap_mac          macaddr,
    ssid            text        not null default '',
    band            text        not null default '',
    wired           boolean     not null default false,
    hostname_sealed bytea,                -- org key
    primary key (org_id, mac, source, from_at)
);

create index leases_ip on leases (org_id, ip, from_at) where ip is not null;
create index leases_time on leases (org_id, to_at);

create table client_samples (
    org_id       uuid        not null,
    mac          macaddr     not null,
    start_at     timestamptz not null,
    end_at       timestamptz not null,
    ap_mac       macaddr,
    band         text        not null default '',
    channel      real,
    rssi_dbm     real,
    snr_db       real,
    tx_rate_mbps real,
    rx_rate_mbps real,
    tx_retries   real, -- within the interval
    rx_retries   real,
    tx_bytes     real,
    rx_bytes     real,
    primary key (org_id, mac, start_at, end_at)
) partition by range (start_at);

create table radio_samples (
    org_id                  uuid        not null,
    ap_mac                  macaddr     not null,
    band                    text        not null,
    start_at                timestamptz not null,
    end_at                  timestamptz not null,
    site_id                 uuid        not null,
    channel                 real,
    bandwidth_mhz           real,
    tx_power_dbm            real,
    noise_floor_dbm         real,
    num_clients             real,
    util_ratio              real,
    util_interference_ratio real, -- not Wi-Fi
    primary key (org_id, ap_mac, band, start_at, end_at)
) partition by range (start_at);

create table wan_samples (
    org_id        uuid        not null,
    site_id       uuid        not null,
    gateway_mac   macaddr     not null,
    port_id       text        not null,
    start_at      timestamptz not null,
    end_at        timestamptz not null,
    rtt_ms        real,
    jitter_ms     real,
    loss_ratio    real,
    download_mbps real,
    upload_mbps   real,
    primary key (org_id, gateway_mac, port_id, start_at, end_at)
) partition by range (start_at);

-- A leg on a network of an org: which client it was, and by which rule we know.
create table matches (
    org_id        uuid    not null,
    leg_id        bigint  not null,
    provider      text    not null,
    account_id    text    not null,
    meeting_id    text    not null,
    meeting_uuid  uuid,
    site_id       uuid    not null,
    client_mac    macaddr not null,
    rule          text    not null, -- mac, private_ip, hostname, public_ip
    confidence    real    not null check (confidence > 0 and confidence <= 1),
    person_sealed bytea   not null, -- JSON {name, email, hostname}; link key
    join_at       timestamptz not null,
    leave_at      timestamptz not null,
    audio_quality text    not null default '',
    video_quality text    not null default '',
    screen_quality text   not null default '',
    primary key (org_id, leg_id)
);

create index matches_link on matches (provider, account_id, org_id);
create index matches_site on matches (org_id, site_id, join_at);

-- The product's row: one media sample joined with what the network knew then.
create table call_minutes (
    org_id                   uuid        not null,
    leg_id                   bigint      not null,
    start_at                 timestamptz not null,
    end_at                   timestamptz not null,
    provider                 text        not null,
    account_id               text        not null,
    meeting_id               text        not null,
    site_id                  uuid        not null,
    client_mac               macaddr     not null,
    ap_mac                   macaddr,
    band                     text        not null default '',
    bad                      boolean,     -- null: nothing was measurable
    worst_direction          text        not null default '', -- audio_in … video_out
    worst_metric             text        not null default '', -- latency, jitter, loss
    bucket                   text        not null default '' check (bucket in ('', 'client', 'wireless', 'site_wan', 'far_end', 'unknown')),
    audio_in_latency_ms      real, audio_in_jitter_ms  real, audio_in_loss_ratio  real,
    audio_out_latency_ms     real, audio_out_jitter_ms real, audio_out_loss_ratio real,
    video_in_latency_ms      real, video_in_jitter_ms  real, video_in_loss_ratio  real,
    video_out_latency_ms     real, video_out_jitter_ms real, video_out_loss_ratio real,
    client_cpu_percent       real,
    client_rssi_dbm          real,
    client_snr_db            real,
    client_channel           real,
    client_tx_rate_mbps      real,
    client_rx_rate_mbps      real,
    client_tx_retries        real,
    client_rx_retries        real,
    client_tx_bytes          real,
    client_rx_bytes          real,
    radio_channel            real,
    radio_bandwidth_mhz      real,
    radio_tx_power_dbm       real,
    radio_util_ratio         real,
    radio_util_interference_ratio real,
    ap_num_clients           real,
    wan_rtt_ms               real,
    wan_jitter_ms            real,
    wan_loss_ratio           real,
    wan_download_mbps        real,
    wan_upload_mbps          real,
    check (bad is not true or bucket <> ''), -- every bad minute has exactly one bucket
    primary key (org_id, leg_id, start_at)
) partition by range (start_at);

create index call_minutes_site on call_minutes (org_id, site_id, start_at);
create index call_minutes_client on call_minutes (org_id, client_mac, start_at);
create index call_minutes_link on call_minutes (provider, account_id, org_id);

-- Which revision of a meeting was woven for which org.
create table weaves (
    org_id       uuid        not null,
    provider     text        not null,
    account_id   text        not null,
    meeting_id   text        not null,
    revision     integer     not null,
    legs_matched integer     not null,
    minutes      integer     not null,
    woven_at     timestamptz not null default now(),
    primary key (provider, account_id, meeting_id, org_id)
);

create index weaves_org on weaves (org_id);

-- The proof of an erasure: it outlives everything it speaks of and names nobody.
create table receipts (
    receipt_id      uuid primary key default gen_random_uuid(),
    provider        text        not null,
    account_id      text        not null,
    org_id          uuid        not null,
    reason          text        not null,
    fenced_at       timestamptz not null,
    finished_at     timestamptz, -- null while rows remain
    rows_before     jsonb       not null default '{}', -- table → rows
    rows_after      jsonb       not null default '{}',
    keys_destroyed  text[]      not null default '{}', -- scopes
    last_link       boolean     not null,              -- of the account
    last_of_org     boolean     not null default false, -- of the org: its device data went too
    token_outcome   text        not null default 'kept' check (token_outcome in ('kept', 'pending', 'revoked', 'already_dead', 'gave_up')),
    token_evidence  text        not null default '',
    token_at        timestamptz
);

create unique index receipts_open on receipts (provider, account_id, org_id) where finished_at is null;
create index receipts_org on receipts (org_id, fenced_at desc);

-- Grants to be ended at the provider, which may be down for days: they outlive the
-- account's data and go as soon as the provider has answered, or another authorization
-- has ended them.
create table revocations (
    receipt_id   uuid primary key references receipts,
    provider     text  not null,
    account_id   text  not null,
    grant_sealed bytea not null -- master keyset: the account's key is destroyed by then
);

create index revocations_account on revocations (provider, account_id);

-- Append only: the trigger below refuses everything else.
create table audit_log (
    audit_id bigint generated always as identity primary key,
    at       timestamptz not null default now(),
    org_id   uuid,
    actor    text        not null, -- token id, "cli", workflow id: never a name
    action   text        not null,
    object   text        not null default '',
    detail   jsonb       not null default '{}'
);

create index audit_log_org on audit_log (org_id, at desc);

-- +goose StatementBegin
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append only', tg_table_name;
end
$$;
-- +goose StatementEnd

create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function refuse_change();

-- Makes the daily partitions [day, day+1) of a table for every UTC day of the interval.
-- Safe to call at any time and by many at once: takes an advisory lock per table, and only
-- when a partition is missing.
-- +goose StatementBegin
create function ensure_partitions(parent text, from_at timestamptz, to_at timestamptz) returns integer
language plpgsql as $$
declare
    day  date := (from_at at time zone 'UTC')::date;
    last date := (to_at at time zone 'UTC')::date;
    made integer := 0;
    part text;
begin
    if last - day > 400 then
        raise exception 'ensure_partitions: % days asked for %, at most 400', last - day, parent;
    end if;
    while day <= last loop
        part := format('%s_p%s', parent, to_char(day, 'YYYYMMDD'));
        if to_regclass(part) is null then
            perform pg_advisory_xact_lock(hashtextextended('ensure_partitions/' || parent, 0));
            begin
                execute format('create table %I partition of %I for values from (%L) to (%L)', part, parent,
                    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
                made := made + 1;
            exception when duplicate_table then
                null; -- made while we waited for the lock
            end;
        end if;
        day := day + 1;
    end loop;
    return made;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function ensure_partitions(text, timestamptz, timestamptz);
drop table audit_log, revocations, receipts, weaves, call_minutes, matches, wan_samples, radio_samples, client_samples, leases, sites,
    harvest_claims, api_requests, media_samples, legs, meetings, windows, links, credentials, accounts, authorizations,
    api_tokens, orgs;
drop function refuse_change();
drop schema vault cascade;
