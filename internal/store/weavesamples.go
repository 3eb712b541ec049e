package store

import (
	"context"
	"net"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
)

// WeaveSample is what weaving needs of a media sample.
type WeaveSample struct {
	StartAt, EndAt                       time.Time
	AudioIn, AudioOut, VideoIn, VideoOut WeaveStream
	CPUPercent                           measure.Value // of the machine, else of the provider's program
}

// WeaveStream is what weaving needs of one stream of a media sample.
type WeaveStream struct{ LatencyMS, JitterMS, LossRatio measure.Value }

// WeaveSamples returns the media samples of some legs, all within [from, to) or near it,
// by leg, in order of their start.
func (s *Store) WeaveSamples(ctx context.Context, legs []int64, from, to time.Time) (map[int64][]WeaveSample, error) {
	const query = `
select leg_id, start_at, end_at,
    audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_avg_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_avg_ratio,
    video_in_latency_ms, video_in_jitter_ms, video_in_loss_avg_ratio, video_out_latency_ms, video_out_jitter_ms, video_out_loss_avg_ratio,
    coalesce(system_cpu_max_percent, client_cpu_max_percent)
from media_samples
where leg_id = any($1::bigint[]) and start_at >= $2 and start_at < $3
order by leg_id, start_at`
	samples := make(map[int64][]WeaveSample, len(legs))
	var (
		last int64
		run  []WeaveSample
	)
	err := s.readWire(ctx, query, []any{legs, from.Add(-beyondLeg), to.Add(beyondLeg)}, func(row wireRow) {
		if leg := row.int64(0); leg != last {
			samples[last] = run
			last, run = leg, make([]WeaveSample, 0, len(run))
		}
		run = append(run, WeaveSample{StartAt: row.instant(1), EndAt: row.instant(2), CPUPercent: row.value(15)})
		sample := &run[len(run)-1]
		for i, stream := range [...]*WeaveStream{&sample.AudioIn, &sample.AudioOut, &sample.VideoIn, &sample.VideoOut} {
			row.values(3+3*i, &stream.LatencyMS, &stream.JitterMS, &stream.LossRatio)
		}
	})
	samples[last] = run
	return samples, notFound(err, "list media samples")
}

// ClientSample is what a network knew of a client within an interval.
type ClientSample struct {
	MAC, AP                                macaddr.Addr // AP is zero where wired or unknown
	Band                                   string
	StartAt, EndAt                         time.Time
	Channel, RSSIDBm, SNRDB                measure.Value
	TxRateMbps, RxRateMbps                 measure.Value
	TxRetries, RxRetries, TxBytes, RxBytes measure.Value
}

// ClientSamples lists what was known of the clients within an interval, by client, in
// order of time.
func (s *Store) ClientSamples(ctx context.Context, org uuid.UUID, macs []net.HardwareAddr, from, to time.Time) ([]ClientSample, error) {
	const query = `
select mac, ap_mac, band, start_at, end_at, channel, rssi_dbm, snr_db, tx_rate_mbps, rx_rate_mbps, tx_retries, rx_retries, tx_bytes, rx_bytes
from client_samples
where org_id = $1 and mac = any($2::macaddr[]) and start_at >= $3 and start_at < $5 and end_at > $4
order by mac, start_at`
	var samples []ClientSample
	bands := words{}
	err := s.readWire(ctx, query, []any{org, macs, from.Add(-longestSample), from, to}, func(row wireRow) {
		samples = append(samples, ClientSample{
			MAC: row.mac(0), AP: row.mac(1), Band: bands.of(row[2]), StartAt: row.instant(3), EndAt: row.instant(4),
		})
		c := &samples[len(samples)-1]
		row.values(5, &c.Channel, &c.RSSIDBm, &c.SNRDB, &c.TxRateMbps, &c.RxRateMbps, &c.TxRetries, &c.RxRetries, &c.TxBytes, &c.RxBytes)
	})
	return samples, notFound(err, "list client samples of %s", org)
}

// RadioSample is what a network knew of one radio within an interval.
type RadioSample struct {
	AP                                macaddr.Addr
	Band                              string
	StartAt, EndAt                    time.Time
	Channel, BandwidthMHz, TxPowerDBm measure.Value
	Clients                           measure.Value
	UtilRatio, UtilInterferenceRatio  measure.Value
}

// RadioSamples lists what was known of the access points' radios within an interval, by
// radio, in order of time.
func (s *Store) RadioSamples(ctx context.Context, org uuid.UUID, aps []net.HardwareAddr, from, to time.Time) ([]RadioSample, error) {
	const query = `
select ap_mac, band, start_at, end_at, channel, bandwidth_mhz, tx_power_dbm, num_clients, util_ratio, util_interference_ratio
from radio_samples
where org_id = $1 and ap_mac = any($2::macaddr[]) and start_at >= $3 and start_at < $5 and end_at > $4
order by ap_mac, band, start_at`
	var samples []RadioSample
	bands := words{}
	err := s.readWire(ctx, query, []any{org, aps, from.Add(-longestSample), from, to}, func(row wireRow) {
		samples = append(samples, RadioSample{AP: row.mac(0), Band: bands.of(row[1]), StartAt: row.instant(2), EndAt: row.instant(3)})
		r := &samples[len(samples)-1]
		row.values(4, &r.Channel, &r.BandwidthMHz, &r.TxPowerDBm, &r.Clients, &r.UtilRatio, &r.UtilInterferenceRatio)
	})
	return samples, notFound(err, "list radio samples of %s", org)
}

// WANSample is what a network knew of an uplink of a site within an interval; of the site
// as a whole where Gateway is zero.
type WANSample struct {
	SiteID                     uuid.UUID
	Gateway                    macaddr.Addr
	Port                       string
	StartAt, EndAt             time.Time
	RTTMS, JitterMS, LossRatio measure.Value
	DownloadMbps, UploadMbps   measure.Value
}

// WANSamples lists what was known of some sites' uplinks within an interval, by uplink, in
// order of time.
func (s *Store) WANSamples(ctx context.Context, org uuid.UUID, sites []uuid.UUID, from, to time.Time) ([]WANSample, error) {
	const query = `
select site_id, gateway_mac, port_id, start_at, end_at, rtt_ms, jitter_ms, loss_ratio, download_mbps, upload_mbps
from wan_samples
where org_id = $1 and site_id = any($2::uuid[]) and start_at >= $3 and start_at < $5 and end_at > $4
order by site_id, gateway_mac, port_id, start_at`
	var samples []WANSample
	ports := words{}
	err := s.readWire(ctx, query, []any{org, sites, from.Add(-longestSample), from, to}, func(row wireRow) {
		samples = append(samples, WANSample{
			SiteID: uuid.UUID(row[0]), Gateway: row.mac(1), Port: ports.of(row[2]), StartAt: row.instant(3), EndAt: row.instant(4),
		})
		w := &samples[len(samples)-1]
		row.values(5, &w.RTTMS, &w.JitterMS, &w.LossRatio, &w.DownloadMbps, &w.UploadMbps)
	})
	return samples, notFound(err, "list WAN samples of %s", org)
}
