package mistwindow

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/world"
)

// clientStats answers with the clients of a site as they are now: the time parameters
// change nothing.
func (w *Window) clientStats(r *request) (any, error) {
	site, wired := r.sites[0], r.URL.Query().Get("wired") == "true"
	rows := []object{}
	for _, lease := range w.world.Leases(site, r.now, r.now.Add(time.Second)) {
		c := lease.Client
		if c.Wired != wired {
			continue
		}
		state, ok := w.world.ClientAt(c, r.now)
		switch {
		case !ok:
		case wired:
			rows = append(rows, object{
				"mac": c.MAC, "device_id": site.Gateway.ID, "eth_port": dockPort(site, c), "site_id": site.ID,
				"auth_state": "authenticated", "vlan_id": 1, "last_seen": r.now.Unix(),
				"uptime":   int64(r.now.Sub(lease.From).Seconds()),
				"tx_bytes": state.TxBytes, "rx_bytes": state.RxBytes,
			})
		case state.AP != nil && state.AP.Site == site:
			rows = append(rows, wirelessRow(site, c, state, r.now))
		}
	}
	slices.SortFunc(rows, func(a, b object) int { return strings.Compare(rowMAC(a), rowMAC(b)) })
	return paged(r, rows)
}

func wirelessRow(site *world.Site, c *world.Client, s world.ClientState, now time.Time) object {
	row := object{
		"mac": c.MAC, "ip": s.IP.String(), "hostname": c.Hostname, "site_id": site.ID,
		"ap_id": s.AP.ID, "ap_mac": s.AP.MAC, "bssid": bssid(s.AP, s.Band), "ssid": site.SSID, "wlan_id": site.WLANID,
		"band": s.Band, "channel": s.Channel, "proto": c.Proto, "dual_band": true,
		"key_mgmt": "WPA3-EAP/CCMP", "is_guest": false,
		"family": c.Device, "manufacture": "Unknown", "model": "", "os": c.OS,
		"rssi": s.RSSIDBm, "snr": s.SNRDB, "tx_rate": s.TxRateMbps, "rx_rate": s.RxRateMbps,
		"tx_retries": s.TxRetries, "rx_retries": s.RxRetries, "tx_bytes": s.TxBytes, "rx_bytes": s.RxBytes,
		"tx_bps": s.TxBPS, "rx_bps": s.RxBPS,
		"assoc_time": s.AssocAt.Unix(), "uptime": now.Unix() - s.AssocAt.Unix(),
		"last_seen": now.Unix(), "idle_time": s.IdleSeconds,
		// A text here and a number in wired rows: this is what tells the two apart.
		"vlan_id": "1",
	}
	if c.Person != nil {
		row["username"] = c.Person.Email
	}
	return row
}

func rowMAC(row object) string {
	if mac, ok := row["mac"].(interface{ String() string }); ok {
		return mac.String()
	}
	return ""
}

// bssid is the address of a radio: the access point's with the band in the last digit.
func bssid(ap *world.AP, band world.Band) string {
	mac := ap.MAC
	mac[5] = mac[5]&0xf0 | byte(slices.Index(bands(), band)+1)
	return mac.String()
}

func bands() []world.Band { return []world.Band{world.Band24, world.Band5, world.Band6} }

// devices answers with the devices as they are now, access points unless asked
// otherwise.
func (w *Window) devices(r *request) (any, error) {
	q := r.URL.Query()
	kind := q.Get("type")
	switch kind {
	case "":
		kind = "ap"
	case "ap", "switch", "gateway", "all":
	default:
		return nil, badRequest("type: want ap, switch, gateway or all")
	}
	rows := []object{}
	add := func(site *world.Site, mac string, row func() object) {
		if allow(q, "mac", mac) && allow(q, "site_id", site.ID.String()) && allow(q, "status", "connected", "all") {
			rows = append(rows, row())
		}
	}
	for _, site := range r.sites {
		if kind == "ap" || kind == "all" {
			for _, ap := range site.APs {
				add(site, ap.MAC.String(), func() object { return w.apRow(ap, r.now) })
			}
		}
		if kind == "gateway" || kind == "all" {
			add(site, site.Gateway.MAC.String(), func() object { return w.gatewayRow(site, r.now) })
		}
	}
	return paged(r, rows)
}

func deviceRow(kind string, id uuid.UUID, mac, name string, site *world.Site, now time.Time) object {
	return object{
		"type": kind, "id": id, "mac": mac, "name": name, "org_id": site.Org.ID, "site_id": site.ID,
		"status": "connected", "last_seen": now.Unix(), "ext_ip": site.PublicIP.String(),
	}
}

func (w *Window) apRow(ap *world.AP, now time.Time) object {
	row := deviceRow("ap", ap.ID, ap.MAC.String(), ap.Name, ap.Site, now)
	radios, clients := object{}, 0
	for _, band := range bands() {
		s := w.world.RadioAt(ap, band, now)
		if s.Channel == 0 {
			continue
		}
		clients += s.NumClients
		radios["band_"+string(band)] = object{
			"channel": s.Channel, "bandwidth": s.BandwidthMHz, "power": s.PowerDBm, "noise_floor": s.NoiseFloorDBm,
			"num_clients": s.NumClients, "num_wlans": 1, "mac": bssid(ap, band), "usage": string(band),
			"util_all": s.UtilAll, "util_tx": s.UtilTx, "util_rx_in_bss": s.UtilRxInBSS,
			"util_rx_other_bss": s.UtilRxOtherBSS, "util_non_wifi": s.UtilNonWiFi,
			"util_undecodable_wifi": 0, "util_unknown_wifi": 0,
		}
	}
	row["radio_stat"], row["num_clients"] = radios, clients
	return row
}

func (w *Window) gatewayRow(site *world.Site, now time.Time) object {
	g := site.Gateway
	row := deviceRow("gateway", g.ID, g.MAC.String(), g.Name, site, now)
	lan := site.Subnet.Masked().Addr().Next()
	row["if_stat"] = object{
		g.Port + ".0": object{
			"port_id": g.Port, "port_usage": "wan", "wan_name": "wan0", "wan_type": "broadband", "up": true,
			"address_mode": "Dynamic", "ips": []string{}, "nat_addresses": []string{site.PublicIP.String()}, "vlan": 0,
			"servp_info": object{
				"org": "Example Networks", "asn": "64496", "city": site.Name,
				"country_code": site.CountryCode, "latitude": site.Lat, "longitude": site.Lng,
			},
		},
		"irb.1": object{
			"port_id": "irb", "port_usage": "lan", "network_name": "office", "up": true, "vlan": 1,
			"address_mode": "Static", "ips": []string{lan.String() + "/" + bits(site)}, "nat_addresses": []string{},
		},
	}
	return row
}
