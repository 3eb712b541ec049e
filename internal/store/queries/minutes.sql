-- name: DeleteMinutes :exec
-- @earliest and @latest keep the deletion to the partitions of a few days.
delete from call_minutes
where org_id = @org_id and leg_id = any(@leg_ids::bigint[]) and start_at >= @earliest and start_at < @latest;

-- name: CopyMinutes :copyfrom
insert into call_minutes (org_id, leg_id, start_at, end_at, provider, account_id, meeting_id, site_id, client_mac, ap_mac, band,
    bad, worst_direction, worst_metric, bucket,
    audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_ratio,
    video_in_latency_ms, video_in_jitter_ms, video_in_loss_ratio, video_out_latency_ms, video_out_jitter_ms, video_out_loss_ratio,
    client_cpu_percent, client_rssi_dbm, client_snr_db, client_channel, client_tx_rate_mbps, client_rx_rate_mbps,
    client_tx_retries, client_rx_retries, client_tx_bytes, client_rx_bytes,
    radio_channel, radio_bandwidth_mhz, radio_tx_power_dbm, radio_util_ratio, radio_util_interference_ratio, ap_num_clients,
    wan_rtt_ms, wan_jitter_ms, wan_loss_ratio, wan_download_mbps, wan_upload_mbps)
values (@org_id, @leg_id, @start_at, @end_at, @provider, @account_id, @meeting_id, @site_id, @client_mac, @ap_mac, @band,
    @bad, @worst_direction, @worst_metric, @bucket,
    @audio_in_latency_ms, @audio_in_jitter_ms, @audio_in_loss_ratio, @audio_out_latency_ms, @audio_out_jitter_ms, @audio_out_loss_ratio,
    @video_in_latency_ms, @video_in_jitter_ms, @video_in_loss_ratio, @video_out_latency_ms, @video_out_jitter_ms, @video_out_loss_ratio,
    @client_cpu_percent, @client_rssi_dbm, @client_snr_db, @client_channel, @client_tx_rate_mbps, @client_rx_rate_mbps,
    @client_tx_retries, @client_rx_retries, @client_tx_bytes, @client_rx_bytes,
    @radio_channel, @radio_bandwidth_mhz, @radio_tx_power_dbm, @radio_util_ratio, @radio_util_interference_ratio, @ap_num_clients,
    @wan_rtt_ms, @wan_jitter_ms, @wan_loss_ratio, @wan_download_mbps, @wan_upload_mbps);
