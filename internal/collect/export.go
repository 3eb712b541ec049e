package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// Exporter tells what is kept of an org's network, in the form that an [Importer] takes.
// Safe for concurrent use.
type Exporter struct {
	store *store.Store
	vault *vault.Vault
}

// NewExporter builds an exporter.
func NewExporter(store *store.Store, vault *vault.Vault) *Exporter {
	return &Exporter{store: store, vault: vault}
}

// Kinds says what is exported.
type Kinds struct{ Sites, Devices, Leases, Clients, Radios, WANs bool }

// Export gives write the sites, the named devices, the leases that overlap [from, to) and the
// samples that begin in it, sites first, with the names of clients opened. The memory it takes does
// not grow with them, except with the sites and devices.
func (e *Exporter) Export(ctx context.Context, orgID uuid.UUID, from, to time.Time, kinds Kinds, write func(network.Record) error) error {
	if _, err := e.store.Org(ctx, orgID); err != nil {
		return err
	}
	if kinds.Sites {
		sites, err := e.store.Sites(ctx, orgID)
		if err != nil {
			return err
		}
		for _, site := range sites {
			if err := write(network.Record{Site: siteOf(site)}); err != nil {
				return err
			}
		}
	}
	if kinds.Devices {
		devices, err := e.store.NetworkDevices(ctx, orgID)
		if err != nil {
			return err
		}
		for _, device := range devices {
			if err := write(network.Record{Device: deviceOf(device)}); err != nil {
				return err
			}
		}
	}
	x := exporting{Exporter: e, org: orgID, write: write}
	var rows store.DeviceRows
	if kinds.Leases {
		rows.Lease = func(row db.Lease) error { return x.lease(ctx, row) }
	}
	if kinds.Clients {
		rows.Client = func(row db.ClientSample) error { return write(network.Record{Client: clientOf(row)}) }
	}
	if kinds.Radios {
		rows.Radio = func(row db.RadioSample) error { return write(network.Record{Radio: radioOf(row)}) }
	}
	if kinds.WANs {
		rows.WAN = func(row db.WanSample) error { return write(network.Record{WAN: wanOf(row)}) }
	}
	return e.store.ReadDevices(ctx, orgID, from, to, rows)
}

type exporting struct {
	*Exporter
	org   uuid.UUID
	key   *vault.Key // of names; nil until there is one to open
	write func(network.Record) error
}

func (x *exporting) lease(ctx context.Context, row db.Lease) error {
	lease := leaseOf(row)
	if row.HostnameSealed != nil {
		if x.key == nil {
			key, err := x.vault.Key(ctx, vault.OrgScope(x.org))
			if err != nil {
				return err
			}
			x.key = key
		}
		name, err := x.key.Open(hostnameField, row.HostnameSealed)
		// A name sealed with an earlier key of the org is of data that were erased.
		if err != nil && !errors.Is(err, vault.ErrUnsealed) {
			return fmt.Errorf("open hostname: %w", err)
		}
		lease.Hostname = secret.New(string(name))
	}
	return x.write(network.Record{Lease: lease, LeaseSource: row.Source})
}

// The functions below are the inverse of those that make rows.

func siteOf(row db.Site) *network.Site {
	return &network.Site{ID: row.SiteID, Name: row.Name, Timezone: row.Timezone, PublicAddrs: row.PublicIps, Subnets: row.Subnets}
}

func deviceOf(row db.NetworkDevice) *network.Device {
	return &network.Device{SiteID: row.SiteID, MAC: macaddr.FromHardware(row.Mac), Kind: network.DeviceKind(row.Kind), Name: row.Name}
}

func leaseOf(row db.Lease) *network.Lease {
	lease := &network.Lease{
		SiteID: row.SiteID, MAC: macaddr.FromHardware(row.Mac), Wired: row.Wired, DeviceMAC: macaddr.FromHardware(row.ApMac),
		SSID: row.Ssid, Band: network.Band(row.Band), From: row.FromAt, To: row.ToAt,
	}
	if row.Ip != nil {
		lease.IP = *row.Ip
	}
	return lease
}

func clientOf(row db.ClientSample) *network.ClientSample {
	return &network.ClientSample{
		MAC: macaddr.FromHardware(row.Mac), DeviceMAC: macaddr.FromHardware(row.ApMac), Band: network.Band(row.Band),
		From: row.StartAt, To: row.EndAt, Channel: row.Channel, RSSIDBm: row.RssiDbm, SNRDB: row.SnrDb,
		TxRateMbps: row.TxRateMbps, RxRateMbps: row.RxRateMbps,
		TxRetriesDelta: row.TxRetries, RxRetriesDelta: row.RxRetries, TxBytesDelta: row.TxBytes, RxBytesDelta: row.RxBytes,
		WiFiVersion: row.WifiVersion, Streams: row.NStreams,
	}
}

func radioOf(row db.RadioSample) *network.RadioSample {
	return &network.RadioSample{From: row.StartAt, To: row.EndAt, Radio: network.RadioSnapshot{
		SiteID: row.SiteID, DeviceMAC: macaddr.FromHardware(row.ApMac), Band: network.Band(row.Band), ObservedAt: row.EndAt,
		Channel: row.Channel, BandwidthMHz: row.BandwidthMhz, TxPowerDBm: row.TxPowerDbm, NoiseFloorDBm: row.NoiseFloorDbm,
		Clients: row.NumClients, UtilRatio: row.UtilRatio, UtilNonWiFiRatio: row.UtilInterferenceRatio,
	}}
}

func wanOf(row db.WanSample) *network.WANSample {
	return &network.WANSample{From: row.StartAt, To: row.EndAt, WAN: network.WANSnapshot{
		SiteID: row.SiteID, DeviceMAC: macaddr.FromHardware(row.GatewayMac), Port: row.PortID, ObservedAt: row.EndAt, Up: true,
		LatencyMS: row.RttMs, JitterMS: row.JitterMs, LossRatio: row.LossRatio,
		DownloadMbps: row.DownloadMbps, UploadMbps: row.UploadMbps,
	}}
}
