package mist

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
)

// DeviceType selects devices.
type DeviceType string

// The kinds of devices. The cloud's own default is access points only.
const (
	AccessPoints DeviceType = "ap"
	Gateways     DeviceType = "gateway"
	AllDevices   DeviceType = "all"
)

// Device is what an org's device tells about its radios and addresses.
type Device struct {
	Type        DeviceType // also "switch"
	SiteID      uuid.UUID
	MAC         macaddr.Addr
	Name        string
	ObservedAt  time.Time
	PublicAddrs []netip.Addr
	Subnets     []netip.Prefix
	WANPorts    []string
	Radios      []network.RadioSnapshot
}

// named is the device under its name; not ok where it has none, or is of another kind.
func (d *Device) named() (network.Device, bool) {
	kind := network.DeviceKind(d.Type)
	named := network.Device{SiteID: d.SiteID, MAC: d.MAC, Kind: kind, Name: strings.TrimSpace(d.Name)}
	return named, named.Name != "" && (kind == network.AP || kind == network.Gateway || kind == network.Switch)
}

type deviceRow struct {
	Type     text                    `json:"type"`
	SiteID   text                    `json:"site_id"`
	MAC      text                    `json:"mac"`
	Name     text                    `json:"name"`
	ExtIP    text                    `json:"ext_ip"`
	LastSeen num                     `json:"last_seen"`
	Radios   map[string]radioRow     `json:"radio_stat"`
	Ifs      map[string]interfaceRow `json:"if_stat"`
}

type interfaceRow struct {
	PortID       text  `json:"port_id"`
	PortUsage    text  `json:"port_usage"`
	IPs          texts `json:"ips"`
	NATAddresses texts `json:"nat_addresses"`
}

type radioRow struct {
	Channel     num `json:"channel"`
	Bandwidth   num `json:"bandwidth"`
	Power       num `json:"power"`
	NoiseFloor  num `json:"noise_floor"`
	NumClients  num `json:"num_clients"`
	All         num `json:"util_all"`
	Tx          num `json:"util_tx"`
	RxInBSS     num `json:"util_rx_in_bss"`
	RxOther     num `json:"util_rx_other_bss"`
	NonWiFi     num `json:"util_non_wifi"`
	Undecodable num `json:"util_undecodable_wifi"`
	Unknown     num `json:"util_unknown_wifi"`
}

// DeviceStats yields the devices of an org as they are now.
func (c *Client) DeviceStats(ctx context.Context, orgID uuid.UUID, kind DeviceType) iter.Seq2[Device, error] {
	query := url.Values{"type": {string(kind)}}
	rows := paged[deviceRow](ctx, c, "read device statistics", orgPath(orgID, "stats/devices"), query)
	return mapped(rows, func(r at[deviceRow]) (Device, bool) {
		device := r.row.device(r.at)
		return device, !device.MAC.IsZero() && device.SiteID != uuid.Nil
	})
}

func (r deviceRow) device(now time.Time) Device {
	d := Device{
		Type: DeviceType(r.Type), SiteID: r.SiteID.id(), MAC: r.MAC.mac(), Name: string(r.Name),
		ObservedAt: r.LastSeen.epoch(),
	}
	if d.ObservedAt.IsZero() {
		d.ObservedAt = now
	}
	public := []netip.Addr{r.ExtIP.ip()}
	for _, name := range slices.Sorted(maps.Keys(r.Ifs)) {
		iface := r.Ifs[name]
		switch iface.PortUsage {
		case "wan":
			d.WANPorts = append(d.WANPorts, iface.port(name))
			public = append(public, iface.NATAddresses.ips()...)
		case "lan":
			d.Subnets = append(d.Subnets, prefixes(iface.IPs)...)
		}
	}
	for _, addr := range public {
		if addr.IsValid() && !addr.IsPrivate() {
			d.PublicAddrs = append(d.PublicAddrs, addr)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Radios)) {
		band, radio := text(strings.TrimPrefix(key, "band_")).band(), r.Radios[key]
		if band != "" && (radio.Channel.known || radio.All.known) {
			d.Radios = append(d.Radios, radio.snapshot(d, band))
		}
	}
	return d
}

// port is the physical port, which port statistics name; the interface's own name may
// carry a VLAN ("ge-0/0/5.130").
func (r interfaceRow) port(name string) string {
	if r.PortID != "" {
		return string(r.PortID)
	}
	return name
}

// prefixes reads the subnets of interface addresses that carry a prefix length.
func prefixes(addrs texts) []netip.Prefix {
	var out []netip.Prefix
	for _, addr := range addrs {
		if prefix, err := netip.ParsePrefix(addr); err == nil && !prefix.IsSingleIP() {
			out = append(out, prefix.Masked())
		}
	}
	return out
}

func (r radioRow) snapshot(d Device, band network.Band) network.RadioSnapshot {
	undecoded := num{}
	if r.Undecodable.known || r.Unknown.known {
		undecoded = num{value: r.Undecodable.value + r.Unknown.value, known: true}
	}
	return network.RadioSnapshot{
		SiteID: d.SiteID, DeviceMAC: d.MAC, Band: band, ObservedAt: d.ObservedAt,
		Channel: r.Channel.measured(), BandwidthMHz: r.Bandwidth.measured(),
		TxPowerDBm: r.Power.measured(), NoiseFloorDBm: r.NoiseFloor.measured(),
		Clients: r.NumClients.measured(), UtilRatio: r.All.ratio(), UtilTxRatio: r.Tx.ratio(),
		UtilRxInBSSRatio: r.RxInBSS.ratio(), UtilRxOtherRatio: r.RxOther.ratio(),
		UtilNonWiFiRatio: r.NonWiFi.ratio(), UtilUndecodedRatio: undecoded.ratio(),
	}
}
