package mistwindow

import (
	"strconv"

	"callweave/internal/world"
)

// portSearch answers with a row per uplink: what it last sampled of its path. The
// reference knows no port usage but "lan", so none is said. Docks' ports are not
// listed.
func (w *Window) portSearch(r *request) (any, error) {
	q := r.URL.Query()
	win, err := windowOf(q, r.now)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, site := range r.sites {
		g, s := site.Gateway, w.world.WANAt(site, r.now)
		if !allow(q, "mac", g.MAC.String()) || !allow(q, "port_id", g.Port) || !allow(q, "type", "gateway") ||
			!allow(q, "device_type", "gateway") || !allow(q, "up", "true") {
			continue
		}
		hits = append(hits, hit{at: win.end, key: g.MAC.String() + g.Port, row: object{
			"org_id": site.Org.ID, "site_id": site.ID, "mac": g.MAC, "port_id": g.Port, "port_mac": g.MAC,
			"neighbor_mac": "", "type": "gateway", "up": true, "active": true, "full_duplex": true, "speed": 1000,
			"latency": s.RTTMS, "jitter": s.JitterMS, "loss": s.LossPercent,
			"rx_bps": int64(s.DownloadMbps * 1e6), "tx_bps": int64(s.UploadMbps * 1e6),
		}})
	}
	return searched(r, win, hits)
}

// vpnPeerSearch finds none: the world's sites have no tunnels between them.
func (w *Window) vpnPeerSearch(r *request) (any, error) {
	win, err := windowOf(r.URL.Query(), r.now)
	if err != nil {
		return nil, err
	}
	return searched(r, win, nil)
}

func bits(site *world.Site) string { return strconv.Itoa(site.Subnet.Bits()) }
