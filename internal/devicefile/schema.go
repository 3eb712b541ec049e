package devicefile

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
)

// schema is the fields of a kind and what they must be together.
type schema struct {
	fields []field
	begin  func() network.Record
	check  func(r *network.Record) (fieldName string, err error)
}

// schemas are the kinds as files know them. Names carry units; ratios are from 0 to 1.
func schemas() map[Kind]schema {
	return map[Kind]schema{
		Site: {
			begin: func() network.Record { return network.Record{Site: &network.Site{}} },
			fields: []field{
				must(siteField(func(r *network.Record) *uuid.UUID { return &r.Site.ID })),
				must(textField("name", func(r *network.Record) *string { return &r.Site.Name })),
				zoneField("timezone", func(r *network.Record) *string { return &r.Site.Timezone }),
				listField("public_ips", "IP addresses", func(r *network.Record) *[]netip.Addr { return &r.Site.PublicAddrs }, netip.ParseAddr, netip.Addr.Compare),
				listField("subnets", "subnets like 10.1.0.0/16", func(r *network.Record) *[]netip.Prefix { return &r.Site.Subnets }, parsePrefix, netip.Prefix.Compare),
			},
		},
		Device: {
			begin: func() network.Record { return network.Record{Device: &network.Device{Kind: network.AP}} },
			fields: []field{
				must(siteField(func(r *network.Record) *uuid.UUID { return &r.Device.SiteID })),
				must(macField("mac", func(r *network.Record) *macaddr.Addr { return &r.Device.MAC })),
				must(textField("name", func(r *network.Record) *string { return &r.Device.Name })),
				typeField("type", func(r *network.Record) *network.DeviceKind { return &r.Device.Kind }),
			},
		},
		Lease: {
			begin: func() network.Record { return network.Record{Lease: &network.Lease{}} },
			fields: []field{
				must(siteField(func(r *network.Record) *uuid.UUID { return &r.Lease.SiteID })),
				must(macField("mac", func(r *network.Record) *macaddr.Addr { return &r.Lease.MAC })),
				must(timeField("start_at", func(r *network.Record) *time.Time { return &r.Lease.From })),
				must(timeField("end_at", func(r *network.Record) *time.Time { return &r.Lease.To })),
				ipField("ip", func(r *network.Record) *netip.Addr { return &r.Lease.IP }),
				nameField("hostname", func(r *network.Record) *secret.Text { return &r.Lease.Hostname }),
				macField("ap_mac", func(r *network.Record) *macaddr.Addr { return &r.Lease.DeviceMAC }),
				textField("ssid", func(r *network.Record) *string { return &r.Lease.SSID }),
				bandField("band", func(r *network.Record) *network.Band { return &r.Lease.Band }),
				boolField("wired", func(r *network.Record) *bool { return &r.Lease.Wired }),
				sourceField("source", func(r *network.Record) *string { return &r.LeaseSource }),
			},
			check: func(r *network.Record) (string, error) {
				if r.Lease.Wired && !r.Lease.DeviceMAC.IsZero() {
					return "ap_mac", errors.New("a wired client has no access point")
				}
				return "end_at", ordered(r.Lease.From, r.Lease.To, 0)
			},
		},
		Client: {
			begin: func() network.Record { return network.Record{Client: &network.ClientSample{}} },
			fields: []field{
				must(macField("mac", func(r *network.Record) *macaddr.Addr { return &r.Client.MAC })),
				must(timeField("start_at", func(r *network.Record) *time.Time { return &r.Client.From })),
				must(timeField("end_at", func(r *network.Record) *time.Time { return &r.Client.To })),
				macField("ap_mac", func(r *network.Record) *macaddr.Addr { return &r.Client.DeviceMAC }),
				bandField("band", func(r *network.Record) *network.Band { return &r.Client.Band }),
				numberField("channel", 1, 300, func(r *network.Record) *measure.Value { return &r.Client.Channel }),
				numberField("rssi_dbm", -130, 0, func(r *network.Record) *measure.Value { return &r.Client.RSSIDBm }),
				numberField("snr_db", -50, 130, func(r *network.Record) *measure.Value { return &r.Client.SNRDB }),
				numberField("tx_rate_mbps", 0, million, func(r *network.Record) *measure.Value { return &r.Client.TxRateMbps }),
				numberField("rx_rate_mbps", 0, million, func(r *network.Record) *measure.Value { return &r.Client.RxRateMbps }),
				numberField("tx_retries", 0, math.MaxFloat32, func(r *network.Record) *measure.Value { return &r.Client.TxRetriesDelta }),
				numberField("rx_retries", 0, math.MaxFloat32, func(r *network.Record) *measure.Value { return &r.Client.RxRetriesDelta }),
				numberField("tx_bytes", 0, math.MaxFloat32, func(r *network.Record) *measure.Value { return &r.Client.TxBytesDelta }),
				numberField("wifi_version", 1, 20, func(r *network.Record) *measure.Value { return &r.Client.WiFiVersion }),
				numberField("n_streams", 1, 64, func(r *network.Record) *measure.Value { return &r.Client.Streams }),
				numberField("rx_bytes", 0, math.MaxFloat32, func(r *network.Record) *measure.Value { return &r.Client.RxBytesDelta }),
			},
			check: func(r *network.Record) (string, error) {
				return "end_at", ordered(r.Client.From, r.Client.To, longestSample)
			},
		},
		Radio: {
			begin: func() network.Record { return network.Record{Radio: &network.RadioSample{}} },
			fields: []field{
				must(siteField(func(r *network.Record) *uuid.UUID { return &r.Radio.Radio.SiteID })),
				must(macField("ap_mac", func(r *network.Record) *macaddr.Addr { return &r.Radio.Radio.DeviceMAC })),
				must(bandField("band", func(r *network.Record) *network.Band { return &r.Radio.Radio.Band })),
				must(timeField("start_at", func(r *network.Record) *time.Time { return &r.Radio.From })),
				must(timeField("end_at", func(r *network.Record) *time.Time { return &r.Radio.To })),
				numberField("channel", 1, 300, func(r *network.Record) *measure.Value { return &r.Radio.Radio.Channel }),
				numberField("bandwidth_mhz", 1, 1000, func(r *network.Record) *measure.Value { return &r.Radio.Radio.BandwidthMHz }),
				numberField("tx_power_dbm", -30, 60, func(r *network.Record) *measure.Value { return &r.Radio.Radio.TxPowerDBm }),
				numberField("noise_floor_dbm", -130, 0, func(r *network.Record) *measure.Value { return &r.Radio.Radio.NoiseFloorDBm }),
				numberField("num_clients", 0, million, func(r *network.Record) *measure.Value { return &r.Radio.Radio.Clients }),
				numberField("util_ratio", 0, 1, func(r *network.Record) *measure.Value { return &r.Radio.Radio.UtilRatio }),
				numberField("util_interference_ratio", 0, 1, func(r *network.Record) *measure.Value { return &r.Radio.Radio.UtilNonWiFiRatio }),
			},
			check: func(r *network.Record) (string, error) {
				return "end_at", ordered(r.Radio.From, r.Radio.To, longestSample)
			},
		},
		WAN: {
			begin: func() network.Record { return network.Record{WAN: &network.WANSample{}} },
			fields: []field{
				must(siteField(func(r *network.Record) *uuid.UUID { return &r.WAN.WAN.SiteID })),
				must(timeField("start_at", func(r *network.Record) *time.Time { return &r.WAN.From })),
				must(timeField("end_at", func(r *network.Record) *time.Time { return &r.WAN.To })),
				macField("gateway_mac", func(r *network.Record) *macaddr.Addr { return &r.WAN.WAN.DeviceMAC }),
				textField("port_id", func(r *network.Record) *string { return &r.WAN.WAN.Port }),
				numberField("rtt_ms", 0, million, func(r *network.Record) *measure.Value { return &r.WAN.WAN.LatencyMS }),
				numberField("jitter_ms", 0, million, func(r *network.Record) *measure.Value { return &r.WAN.WAN.JitterMS }),
				numberField("loss_ratio", 0, 1, func(r *network.Record) *measure.Value { return &r.WAN.WAN.LossRatio }),
				numberField("download_mbps", 0, million, func(r *network.Record) *measure.Value { return &r.WAN.WAN.DownloadMbps }),
				numberField("upload_mbps", 0, million, func(r *network.Record) *measure.Value { return &r.WAN.WAN.UploadMbps }),
			},
			check: func(r *network.Record) (string, error) {
				return "end_at", ordered(r.WAN.From, r.WAN.To, longestSample)
			},
		},
	}
}

const million = 1e6

// longestSample is the longest interval a sample may cover, which the store asks for.
const longestSample = 2 * time.Hour

func ordered(from, to time.Time, longest time.Duration) error {
	if !from.Before(to) {
		return errors.New("want a time after start_at")
	}
	if longest > 0 && to.Sub(from) > longest {
		return fmt.Errorf("want at most %s after start_at", longest)
	}
	return nil
}
