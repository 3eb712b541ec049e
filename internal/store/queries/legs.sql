-- name: UpsertLeg :batchone
-- What a later read knows and an earlier one did not is added; what a later read lacks
-- stays.
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
    location = coalesce(nullif(excluded.location, ''), l.location),
    public_ip = coalesce(excluded.public_ip, l.public_ip),
    private_ips = case when excluded.private_ips = '{}' then l.private_ips else excluded.private_ips end,
    mac = coalesce(excluded.mac, l.mac),
    audio_quality = coalesce(nullif(excluded.audio_quality, ''), l.audio_quality),
    video_quality = coalesce(nullif(excluded.video_quality, ''), l.video_quality),
    screen_quality = coalesce(nullif(excluded.screen_quality, ''), l.screen_quality)
returning leg_id;
