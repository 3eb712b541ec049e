-- +goose Up

-- What Mist's schema of bad minutes has of clients. Generation of 802.11 as people count it:
-- 4 is n, 5 ac, 6 ax, 7 be.
alter table client_samples
    add column wifi_version real,
    add column n_streams    real; -- spatial

alter table call_minutes
    add column client_wifi_version real,
    add column client_n_streams    real,
    add column client_vpn          boolean, -- the call went through a tunnel; null: not known
    add column radio_ap_change     real,    -- how often the client changed the access point within the minute; null: not on the air
    -- The other legs of the meeting, of all orgs, in the minute at the middle of this one:
    -- those that had audio or video to measure.
    add column other_legs          real,
    add column other_legs_bad      real,    -- by this org's thresholds
    add column other_legs_near     real,    -- of other_legs, those on this leg's site or behind its public address
    add column other_legs_near_bad real;

-- +goose Down
alter table call_minutes
    drop column client_wifi_version, drop column client_n_streams, drop column client_vpn, drop column radio_ap_change,
    drop column other_legs, drop column other_legs_bad, drop column other_legs_near, drop column other_legs_near_bad;
alter table client_samples drop column wifi_version, drop column n_streams;
