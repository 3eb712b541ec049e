package mist

import (
	"context"
	"iter"
	"net/url"
	"time"

	"github.com/google/uuid"

	"callweave/internal/network"
)

// clientRow is a row of stats/clients, wireless or wired.
type clientRow struct {
	MAC       text `json:"mac"`
	IP        text `json:"ip"`
	Hostname  text `json:"hostname"`
	Username  text `json:"username"`
	APMAC     text `json:"ap_mac"`
	DeviceID  text `json:"device_id"` // wired: ends with the device's hardware address
	Port      text `json:"eth_port"`
	SSID      text `json:"ssid"`
	Band      text `json:"band"`
	Channel   num  `json:"channel"`
	Proto     text `json:"proto"`
	RSSI      num  `json:"rssi"`
	SNR       num  `json:"snr"`
	TxRate    num  `json:"tx_rate"`
	RxRate    num  `json:"rx_rate"`
	TxBPS     num  `json:"tx_bps"`
	RxBPS     num  `json:"rx_bps"`
	TxRetries num  `json:"tx_retries"`
	RxRetries num  `json:"rx_retries"`
	TxBytes   num  `json:"tx_bytes"`
	RxBytes   num  `json:"rx_bytes"`
	AssocTime num  `json:"assoc_time"`
	Uptime    num  `json:"uptime"`
	LastSeen  num  `json:"last_seen"`
}

// ClientStats yields the clients connected to a site now. Wired rows have no address:
// see [Client.WiredClients].
func (c *Client) ClientStats(ctx context.Context, siteID uuid.UUID, wired bool) iter.Seq2[network.ClientSnapshot, error] {
	query := url.Values{}
	if wired {
		query.Set("wired", "true")
	}
	rows := paged[clientRow](ctx, c, "read client statistics", sitePath(siteID, "stats/clients"), query)
	return mapped(rows, func(r at[clientRow]) (network.ClientSnapshot, bool) {
		snapshot := r.row.snapshot(siteID, r.at)
		snapshot.Wired = wired
		return snapshot, !snapshot.MAC.IsZero()
	})
}

// snapshot converts a row of a reply of the given time. last_seen is when the device
// reported the client; assoc_time is not in the reference but in its example.
func (r clientRow) snapshot(siteID uuid.UUID, now time.Time) network.ClientSnapshot {
	observed := r.LastSeen.epoch()
	if observed.IsZero() {
		observed = now
	}
	associated := r.AssocTime.epoch()
	if associated.IsZero() && r.Uptime.known {
		associated = observed.Add(-time.Duration(r.Uptime.value * float64(time.Second)))
	}
	device := r.APMAC.mac()
	if device.IsZero() {
		device = deviceMAC(r.DeviceID)
	}
	return network.ClientSnapshot{
		SiteID: siteID, MAC: r.MAC.mac(), ObservedAt: observed,
		IP: r.IP.ip(), Hostname: r.Hostname.secret(), Username: r.Username.secret(),
		DeviceMAC: device, Port: string(r.Port), SSID: string(r.SSID),
		Band: r.Band.band(), Channel: r.Channel.measured(), Proto: string(r.Proto),
		AssociatedAt: associated,
		RSSIDBm:      r.RSSI.measured(), SNRDB: r.SNR.measured(),
		TxRateMbps: r.TxRate.measured(), RxRateMbps: r.RxRate.measured(),
		TxBPS: r.TxBPS.measured(), RxBPS: r.RxBPS.measured(),
		TxRetries: r.TxRetries.counter(), RxRetries: r.RxRetries.counter(),
		TxBytes: r.TxBytes.counter(), RxBytes: r.RxBytes.counter(),
	}
}

// searchRow is a row of clients/search: one client over the whole window.
type searchRow struct {
	MAC       text  `json:"mac"`
	SiteID    text  `json:"site_id"`
	SiteIDs   texts `json:"site_ids"`
	IP        texts `json:"ip"`
	Hostname  texts `json:"hostname"`
	Username  texts `json:"username"`
	Timestamp num   `json:"timestamp"`
}

// ClientSearch yields the wireless clients that an org saw within [from, to).
func (c *Client) ClientSearch(ctx context.Context, orgID uuid.UUID, from, to time.Time) iter.Seq2[network.Sighting, error] {
	rows := search[searchRow](ctx, c, "search clients", orgPath(orgID, "clients/search"), window(from, to))
	return mapped(rows, func(r at[searchRow]) (network.Sighting, bool) { return r.row.sighting() })
}

// SiteClientSearch yields the wireless clients that one site saw within [from, to).
func (c *Client) SiteClientSearch(ctx context.Context, siteID uuid.UUID, from, to time.Time) iter.Seq2[network.Sighting, error] {
	rows := search[searchRow](ctx, c, "search clients of site", sitePath(siteID, "clients/search"), window(from, to))
	return mapped(rows, func(r at[searchRow]) (network.Sighting, bool) { return r.row.sighting() })
}

func (r searchRow) sighting() (network.Sighting, bool) {
	s := network.Sighting{
		MAC: r.MAC.mac(), LastSiteID: r.SiteID.id(), LastSeenAt: r.Timestamp.epoch(),
		IPs: r.IP.ips(), Hostnames: r.Hostname.secrets(), Usernames: r.Username.secrets(),
	}
	for _, site := range r.SiteIDs {
		if id := text(site).id(); id != uuid.Nil {
			s.SiteIDs = append(s.SiteIDs, id)
		}
	}
	if len(s.SiteIDs) == 0 && s.LastSiteID != uuid.Nil {
		s.SiteIDs = []uuid.UUID{s.LastSiteID}
	}
	return s, !s.MAC.IsZero()
}
