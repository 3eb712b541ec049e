-- name: UpsertLeg :batchone
-- What a later read knows and an earlier one did not is added; what a later read lacks
-- stays, unless it is redacted: then nothing that identifies somebody does. The person was
-- completed before it was sealed.
insert into legs as l (provider, account_id, meeting_id, participant_id, join_at, leave_at, user_id, guest, person_sealed, role,
    device, client_version, network_type, data_center, location, public_ip, private_ips, mac, audio_quality, video_quality, screen_quality)
values (@provider, @account_id, @meeting_id, @participant_id, @join_at, @leave_at, @user_id, @guest, @person_sealed, @role,
    @device, @client_version, @network_type, @data_center, @location, @public_ip, @private_ips, @mac, @audio_quality, @video_quality, @screen_quality)
on conflict (provider, account_id, meeting_id, participant_id, join_at) do update
set leave_at = coalesce(excluded.leave_at, l.leave_at),
    user_id = coalesce(nullif(excluded.user_id, ''), l.user_id),
    guest = excluded.guest and l.guest,
    person_sealed = excluded.person_sealed,
    role = coalesce(nullif(excluded.role, ''), l.role),
    device = coalesce(nullif(excluded.device, ''), l.device),
    client_version = coalesce(nullif(excluded.client_version, ''), l.client_version),
    network_type = coalesce(nullif(excluded.network_type, ''), l.network_type),
    data_center = coalesce(nullif(excluded.data_center, ''), l.data_center),
    location = case when @redacted::boolean then '' else coalesce(nullif(excluded.location, ''), l.location) end,
    public_ip = case when @redacted then null else coalesce(excluded.public_ip, l.public_ip) end,
    private_ips = case when @redacted or excluded.private_ips <> '{}' then excluded.private_ips else l.private_ips end,
    mac = case when @redacted then null else coalesce(excluded.mac, l.mac) end,
    audio_quality = coalesce(nullif(excluded.audio_quality, ''), l.audio_quality),
    video_quality = coalesce(nullif(excluded.video_quality, ''), l.video_quality),
    screen_quality = coalesce(nullif(excluded.screen_quality, ''), l.screen_quality)
returning leg_id;

-- name: NewLegIDs :many
-- The ids of legs that are about to be copied.
select nextval((select pg_get_serial_sequence('legs', 'leg_id'))::regclass)::bigint from generate_series(1, @legs::integer);

-- name: CopyLegs :copyfrom
insert into legs (leg_id, provider, account_id, meeting_id, participant_id, join_at, leave_at, user_id, guest, person_sealed, role,
    device, client_version, network_type, data_center, location, public_ip, private_ips, mac, audio_quality, video_quality, screen_quality)
values (@leg_id, @provider, @account_id, @meeting_id, @participant_id, @join_at, @leave_at, @user_id, @guest, @person_sealed, @role,
    @device, @client_version, @network_type, @data_center, @location, @public_ip, @private_ips, @mac, @audio_quality, @video_quality, @screen_quality);

-- name: LegPersons :many
select meeting_id, participant_id, join_at, guest, person_sealed from legs
where provider = @provider and account_id = @account_id and meeting_id = any(@meeting_ids::text[]);
