package mist

import (
	"context"
	"iter"
	"net/url"

	"github.com/google/uuid"

	"callweave/internal/network"
)

// WANPorts yields the gateway ports of an org that measure their path: those with a
// latency, jitter or loss. The rows do not say which ports face the internet (the
// reference knows no such port usage); [Source.Devices] takes that from the gateways.
//
// The reference gives no units: milliseconds and percent are those of its VPN peer
// statistics, which measure the same.
func (c *Client) WANPorts(ctx context.Context, orgID uuid.UUID) iter.Seq2[network.WANSnapshot, error] {
	type row struct {
		SiteID  text `json:"site_id"`
		MAC     text `json:"mac"`
		PortID  text `json:"port_id"`
		Up      bool `json:"up"`
		Latency num  `json:"latency"`
		Jitter  num  `json:"jitter"`
		Loss    num  `json:"loss"`
		RxBPS   num  `json:"rx_bps"`
		TxBPS   num  `json:"tx_bps"`
	}
	query := url.Values{"type": {string(Gateways)}}
	rows := search[row](ctx, c, "search ports", orgPath(orgID, "stats/ports/search"), query)
	return mapped(rows, func(reply at[row]) (network.WANSnapshot, bool) {
		r := reply.row
		snapshot := network.WANSnapshot{
			SiteID: r.SiteID.id(), DeviceMAC: r.MAC.mac(), Port: string(r.PortID), ObservedAt: reply.at, Up: r.Up,
			LatencyMS: r.Latency.measured(), JitterMS: r.Jitter.measured(), LossRatio: r.Loss.ratio(),
			DownloadMbps: r.RxBPS.times(1e-6), UploadMbps: r.TxBPS.times(1e-6),
		}
		return snapshot, snapshot.SiteID != uuid.Nil && (r.Latency.known || r.Jitter.known || r.Loss.known)
	})
}
