package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// longestSample is the longest interval a device sample may cover: histories come in
// hours. Longer ones are not stored, so that a look back this far finds every sample
// that covers a moment.
const longestSample = 2 * time.Hour

// ensureDevicePartitions makes the days that a landing's samples fall into. It is not
// part of the landing's transaction, whose other statements would wait behind the lock.
func (s *Store) ensureDevicePartitions(ctx context.Context, landing DeviceLanding) error {
	var clients, radios, wans days
	for _, sample := range landing.Clients {
		clients.add(sample.StartAt)
	}
	for _, sample := range landing.Radios {
		radios.add(sample.StartAt)
	}
	for _, sample := range landing.WANs {
		wans.add(sample.StartAt)
	}
	for table, span := range map[string]days{"client_samples": clients, "radio_samples": radios, "wan_samples": wans} {
		if err := s.ensureDays(ctx, table, span); err != nil {
			return err
		}
	}
	return nil
}

func upsertSamples(ctx context.Context, tx pgx.Tx, landing DeviceLanding) error {
	const (
		clients = `with added as (
    insert into client_samples select * from incoming_client_samples where end_at - start_at <= interval '2 hours'
    on conflict do nothing returning org_id, mac, start_at, end_at
)` + noteClients
		radios = `with added as (
    insert into radio_samples select * from incoming_radio_samples where end_at - start_at <= interval '2 hours'
    on conflict do nothing returning org_id, ap_mac, site_id, start_at, end_at
)` + noteRadios
		wans = `with added as (
    insert into wan_samples select * from incoming_wan_samples where end_at - start_at <= interval '2 hours'
    on conflict do nothing returning org_id, site_id, start_at, end_at
)` + noteWANs
	)
	if err := mergeRows(ctx, tx, "client_samples", clients, len(landing.Clients), func(i int) []any {
		c := landing.Clients[i]
		return []any{
			c.OrgID, c.Mac, c.StartAt, c.EndAt, c.ApMac, c.Band, c.Channel, c.RssiDbm, c.SnrDb,
			c.TxRateMbps, c.RxRateMbps, c.TxRetries, c.RxRetries, c.TxBytes, c.RxBytes, c.WifiVersion, c.NStreams,
		}
	}); err != nil {
		return err
	}
	if err := mergeRows(ctx, tx, "radio_samples", radios, len(landing.Radios), func(i int) []any {
		r := landing.Radios[i]
		return []any{
			r.OrgID, r.ApMac, r.Band, r.StartAt, r.EndAt, r.SiteID, r.Channel, r.BandwidthMhz, r.TxPowerDbm,
			r.NoiseFloorDbm, r.NumClients, r.UtilRatio, r.UtilInterferenceRatio,
		}
	}); err != nil {
		return err
	}
	return mergeRows(ctx, tx, "wan_samples", wans, len(landing.WANs), func(i int) []any {
		w := landing.WANs[i]
		return []any{
			w.OrgID, w.SiteID, w.GatewayMac, w.PortID, w.StartAt, w.EndAt, w.RttMs, w.JitterMs, w.LossRatio,
			w.DownloadMbps, w.UploadMbps,
		}
	})
}

// days is the interval that some rows' starts fall into; the zero days are none.
type days struct{ first, last time.Time }

func (d *days) add(at time.Time) {
	if d.first.IsZero() || at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// ahead is how long before its first row a day's partition is made.
const ahead = 12 * time.Hour

// ensureDays makes the days of rows that are about to be written, and the next one when
// it is near: at midnight nobody waits for it.
func (s *Store) ensureDays(ctx context.Context, table string, span days) error {
	if span.first.IsZero() {
		return nil
	}
	if _, err := s.pool.Exec(ctx, "select ensure_partitions($1, $2, $3)", table, span.first, span.last.Add(ahead)); err != nil {
		return fmt.Errorf("make partitions of %s: %w", table, err)
	}
	return nil
}
