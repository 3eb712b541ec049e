package store

import (
	"context"
	"net"
	"slices"
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

// Nothing is sorted by the database but what is little: most rows come in order, or do not
// need one.

// WeaveSamples returns the media samples of some legs, all within [from, to) or near it,
// by leg, in order of their start.
func (s *Store) WeaveSamples(ctx context.Context, legs []int64, from, to time.Time) (map[int64][]WeaveSample, error) {
	const query = `
select leg_id, start_at, end_at,
    audio_in_latency_ms, audio_in_jitter_ms, audio_in_loss_avg_ratio, audio_out_latency_ms, audio_out_jitter_ms, audio_out_loss_avg_ratio,
    video_in_latency_ms, video_in_jitter_ms, video_in_loss_avg_ratio, video_out_latency_ms, video_out_jitter_ms, video_out_loss_avg_ratio,
    coalesce(system_cpu_max_percent, client_cpu_max_percent)
from media_samples
where leg_id = any($1::bigint[]) and start_at >= $2 and start_at < $3`
	samples := make(map[int64][]WeaveSample, len(legs))
	var (
		leg int64
		run []WeaveSample // of this leg
	)
	err := s.readWire(ctx, query, []any{legs, from.Add(-beyondLeg), to.Add(beyondLeg)}, func(row wireRow) {
		if next := row.int64(0); next != leg {
			samples[leg] = run
			before := len(run)
			if leg, run = next, samples[next]; run == nil {
				run = make([]WeaveSample, 0, before) // legs of a meeting are mostly as long as each other
			}
		}
		run = append(run, WeaveSample{StartAt: row.instant(1), EndAt: row.instant(2), CPUPercent: row.value(15)})
		sample := &run[len(run)-1]
		for i, stream := range [...]*WeaveStream{&sample.AudioIn, &sample.AudioOut, &sample.VideoIn, &sample.VideoOut} {
			row.values(3+3*i, &stream.LatencyMS, &stream.JitterMS, &stream.LossRatio)
		}
	})
	samples[leg] = run
	byStart := func(a, b WeaveSample) int { return a.StartAt.Compare(b.StartAt) }
	for _, run := range samples {
		if !slices.IsSortedFunc(run, byStart) {
			slices.SortFunc(run, byStart)
		}
	}
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
	WiFiVersion, Streams                   measure.Value
}

// Presence is an interval in which a client is of interest.
type Presence struct {
	MAC      macaddr.Addr
	From, To time.Time
}

// ClientSamples appends what was known of clients while they were of interest, and returns
// dst. A sample that covers the ends of two intervals of a client may appear twice.
func (s *Store) ClientSamples(ctx context.Context, dst []ClientSample, org uuid.UUID, clients []Presence) ([]ClientSample, error) {
	const query = `
select c.mac, c.ap_mac, c.band, c.start_at, c.end_at, c.channel, c.rssi_dbm, c.snr_db,
    c.tx_rate_mbps, c.rx_rate_mbps, c.tx_retries, c.rx_retries, c.tx_bytes, c.rx_bytes, c.wifi_version, c.n_streams
from unnest($2::macaddr[], $3::timestamptz[], $4::timestamptz[]) p (mac, from_at, to_at)
cross join lateral (
    select * from client_samples c
    where c.org_id = $1 and c.mac = p.mac and c.start_at >= p.from_at - $5::interval and c.start_at < p.to_at and c.end_at > p.from_at
      and c.start_at >= $6 and c.start_at < $7
    offset 0
) c`
	if len(clients) == 0 {
		return dst, nil
	}
	macs, froms, tos := make([]net.HardwareAddr, len(clients)), make([]time.Time, len(clients)), make([]time.Time, len(clients))
	first, last := clients[0].From, clients[0].To
	for i, p := range clients {
		macs[i], froms[i], tos[i] = p.MAC.Hardware(), p.From, p.To
		if p.From.Before(first) {
			first = p.From
		}
		if p.To.After(last) {
			last = p.To
		}
	}
	bands := words{}
	args := []any{org, macs, froms, tos, longestSample, first.Add(-longestSample), last}
	err := s.readWire(ctx, query, args, func(row wireRow) {
		dst = append(dst, ClientSample{
			MAC: row.mac(0), AP: row.mac(1), Band: bands.of(row[2]), StartAt: row.instant(3), EndAt: row.instant(4),
		})
		c := &dst[len(dst)-1]
		row.values(5, &c.Channel, &c.RSSIDBm, &c.SNRDB, &c.TxRateMbps, &c.RxRateMbps, &c.TxRetries, &c.RxRetries, &c.TxBytes, &c.RxBytes, &c.WiFiVersion, &c.Streams)
	})
	return dst, notFound(err, "list client samples of %s", org)
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

// RadioSamples appends what was known of the access points' radios within an interval, and
// returns dst.
func (s *Store) RadioSamples(ctx context.Context, dst []RadioSample, org uuid.UUID, aps []net.HardwareAddr, from, to time.Time) ([]RadioSample, error) {
	const query = `
select ap_mac, band, start_at, end_at, channel, bandwidth_mhz, tx_power_dbm, num_clients, util_ratio, util_interference_ratio
from radio_samples
where org_id = $1 and ap_mac = any($2::macaddr[]) and start_at >= $3 and start_at < $5 and end_at > $4`
	bands := words{}
	err := s.readWire(ctx, query, []any{org, aps, from.Add(-longestSample), from, to}, func(row wireRow) {
		dst = append(dst, RadioSample{AP: row.mac(0), Band: bands.of(row[1]), StartAt: row.instant(2), EndAt: row.instant(3)})
		r := &dst[len(dst)-1]
		row.values(4, &r.Channel, &r.BandwidthMHz, &r.TxPowerDBm, &r.Clients, &r.UtilRatio, &r.UtilInterferenceRatio)
	})
	return dst, notFound(err, "list radio samples of %s", org)
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
