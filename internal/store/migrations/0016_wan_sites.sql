-- +goose Up

-- Histories are of a site as a whole, under the address of no gateway: without the site in
-- the key, one site of an org kept all others' from being stored.
alter table wan_samples drop constraint wan_samples_pkey;
alter table wan_samples add primary key (org_id, site_id, gateway_mac, port_id, start_at, end_at);

-- +goose Down
delete from wan_samples where gateway_mac = '00:00:00:00:00:00';
alter table wan_samples drop constraint wan_samples_pkey;
alter table wan_samples add primary key (org_id, gateway_mac, port_id, start_at, end_at);
