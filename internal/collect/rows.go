package collect

import (
	"net"
	"net/netip"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/network"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// hostnameField is what a lease's host name is sealed for.
const hostnameField = "hostname"

func siteRows(org uuid.UUID, sites []network.Site) []db.Site {
	rows := make([]db.Site, len(sites))
	for i, site := range sites {
		rows[i] = db.Site{
			OrgID: org, SiteID: site.ID, Name: site.Name, Timezone: site.Timezone,
			// Not nil: none is an empty array, not NULL.
			PublicIps: append([]netip.Addr{}, site.PublicAddrs...), Subnets: append([]netip.Prefix{}, site.Subnets...),
		}
	}
	return rows
}

func deviceRow(org uuid.UUID, d network.Device) db.NetworkDevice {
	return db.NetworkDevice{OrgID: org, Mac: d.MAC.Hardware(), SiteID: d.SiteID, Kind: string(d.Kind), Name: d.Name}
}

func leaseRow(org uuid.UUID, key *vault.Key, source correlate.Source, lease network.Lease) (db.Lease, error) {
	row := db.Lease{
		OrgID: org, Mac: lease.MAC.Hardware(), FromAt: lease.From, Source: string(source), ToAt: lease.To,
		SiteID: lease.SiteID, Ssid: lease.SSID, Band: string(lease.Band), Wired: lease.Wired,
	}
	if lease.IP.IsValid() {
		row.Ip = &lease.IP
	}
	if !lease.Wired {
		row.ApMac = lease.DeviceMAC.Hardware()
	}
	if !lease.Hostname.IsZero() {
		var err error
		if row.HostnameSealed, err = key.Seal(hostnameField, []byte(lease.Hostname.Reveal())); err != nil {
			return row, err
		}
	}
	return row, nil
}

func clientRow(org uuid.UUID, s network.ClientSample) db.ClientSample {
	row := db.ClientSample{
		OrgID: org, Mac: s.MAC.Hardware(), StartAt: s.From, EndAt: s.To, Band: string(s.Band),
		Channel: s.Channel, RssiDbm: s.RSSIDBm, SnrDb: s.SNRDB,
		TxRateMbps: s.TxRateMbps, RxRateMbps: s.RxRateMbps,
		TxRetries: s.TxRetriesDelta, RxRetries: s.RxRetriesDelta, TxBytes: s.TxBytesDelta, RxBytes: s.RxBytesDelta,
		WifiVersion: s.WiFiVersion, NStreams: s.Streams,
	}
	if !s.Wired {
		row.ApMac = s.DeviceMAC.Hardware()
	}
	return row
}

func radioRow(org uuid.UUID, s network.RadioSample) db.RadioSample {
	return db.RadioSample{
		OrgID: org, ApMac: s.Radio.DeviceMAC.Hardware(), Band: string(s.Radio.Band), StartAt: s.From, EndAt: s.To,
		SiteID: s.Radio.SiteID, Channel: s.Radio.Channel, BandwidthMhz: s.Radio.BandwidthMHz, TxPowerDbm: s.Radio.TxPowerDBm,
		NoiseFloorDbm: s.Radio.NoiseFloorDBm, NumClients: s.Radio.Clients,
		UtilRatio: s.Radio.UtilRatio, UtilInterferenceRatio: s.Radio.UtilNonWiFiRatio,
	}
}

// wanRow keeps a history of a site as a whole under the address of no gateway.
func wanRow(org uuid.UUID, s network.WANSample) db.WanSample {
	gateway := s.WAN.DeviceMAC.Hardware()
	if gateway == nil {
		gateway = make(net.HardwareAddr, len(macaddr.Addr{}))
	}
	return db.WanSample{
		OrgID: org, SiteID: s.WAN.SiteID, GatewayMac: gateway, PortID: s.WAN.Port, StartAt: s.From, EndAt: s.To,
		RttMs: s.WAN.LatencyMS, JitterMs: s.WAN.JitterMS, LossRatio: s.WAN.LossRatio,
		DownloadMbps: s.WAN.DownloadMbps, UploadMbps: s.WAN.UploadMbps,
	}
}
