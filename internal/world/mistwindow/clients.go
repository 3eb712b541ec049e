package mistwindow

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"callweave/internal/world"
)

// wiredTime is how wired rows write time.
const wiredTime = "2006-01-02T15:04:05.000-0700"

// seen is what a window saw of one client.
type seen struct {
	client *world.Client
	leases []world.Lease // by From; none is of the future
	aps    []string
	bands  []string
	lastAP string
}

// last is when the client was last seen.
func (s *seen) last(win window) time.Time {
	last := s.leases[len(s.leases)-1].To
	if last.After(win.end) {
		return win.end
	}
	return last
}

// look collects the clients that the sites saw within win, wired or wireless ones. A
// client is where its traffic is: a dock's owner who visits another site is seen there.
func (w *Window) look(r *request, win window, wired bool) []*seen {
	clients := map[*world.Client]*seen{}
	var order []*seen
	of := func(c *world.Client) *seen {
		s, ok := clients[c]
		if !ok {
			s = &seen{client: c}
			clients[c] = s
			order = append(order, s)
		}
		return s
	}
	for _, site := range r.sites {
		for _, lease := range w.world.Leases(site, win.start, win.end) {
			if lease.Client.Wired == wired && lease.From.Before(win.end) {
				s := of(lease.Client)
				s.leases = append(s.leases, lease)
			}
		}
		for _, session := range w.world.Sessions(site, win.start, win.end) {
			if s, ok := clients[session.Client]; ok && session.ConnectAt.Before(win.end) {
				s.aps = appendNew(s.aps, session.AP.MAC.String())
				s.bands = appendNew(s.bands, string(session.Band))
				s.lastAP = session.AP.MAC.String()
			}
		}
	}
	for _, s := range order {
		slices.SortFunc(s.leases, func(a, b world.Lease) int { return a.From.Compare(b.From) })
	}
	return order
}

func appendNew(list []string, value string) []string {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

// clientSearch answers with a row per wireless client over the whole window: its
// addresses and places without times.
func (w *Window) clientSearch(r *request) (any, error) {
	q := r.URL.Query()
	win, err := windowOf(q, r.now)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, s := range w.look(r, win, false) {
		lease := s.leases[len(s.leases)-1]
		var ips, sites, ssids []string
		for _, l := range s.leases {
			ips, sites, ssids = appendNew(ips, l.IP.String()), appendNew(sites, l.Site.ID.String()), appendNew(ssids, l.Site.SSID)
		}
		if !allow(q, "mac", s.client.MAC.String()) || !allow(q, "ip", ips...) || !allow(q, "ap", s.aps...) ||
			!allow(q, "ssid", ssids...) || !allow(q, "band", s.bands...) || !allow(q, "hostname", s.client.Hostname) {
			continue
		}
		row := object{
			"mac": s.client.MAC, "org_id": r.org.ID, "site_id": lease.Site.ID, "site_ids": sites,
			"ip": ips, "last_ip": lease.IP.String(), "ap": s.aps, "last_ap": s.lastAP,
			"ssid": ssids, "last_ssid": lease.Site.SSID, "vlan": []int{1}, "last_vlan": 1,
			"wlan_id":  []string{lease.Site.WLANID.String()},
			"hostname": []string{s.client.Hostname}, "last_hostname": s.client.Hostname,
			"protocol": s.client.Proto, "random_mac": s.client.MAC.Local(),
			"os": []string{s.client.OS}, "last_os": s.client.OS, "timestamp": epoch(s.last(win)),
		}
		if s.aps == nil {
			row["ap"] = []string{}
		}
		if n := len(s.bands); n > 0 {
			row["band"] = s.bands[n-1]
		}
		if p := s.client.Person; p != nil {
			row["username"], row["last_username"] = []string{p.Email}, p.Email
		}
		hits = append(hits, hit{at: s.last(win), key: s.client.MAC.String(), row: row})
	}
	return searched(r, win, hits)
}

// allow reports whether one of the values passes the filter of that name: equal, or
// with a "*" at its end, beginning alike.
func allow(q url.Values, name string, values ...string) bool {
	want := q.Get(name)
	if want == "" {
		return true
	}
	prefix, isPrefix := strings.CutSuffix(want, "*")
	return slices.ContainsFunc(values, func(v string) bool {
		return strings.EqualFold(v, want) || isPrefix && strings.HasPrefix(strings.ToLower(v), strings.ToLower(prefix))
	})
}

// sessionSearch answers with the sessions that ended within the window. One that is
// still open is in no answer, and none has an address.
func (w *Window) sessionSearch(r *request) (any, error) {
	q := r.URL.Query()
	win, err := windowOf(q, r.now)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, site := range r.sites {
		for _, s := range w.world.Sessions(site, win.start.Add(-time.Second), win.end) {
			end := s.DisconnectAt
			if end.Before(win.start) || !end.Before(win.end) {
				continue
			}
			ap, band := s.AP.MAC.String(), string(s.Band)
			if !allow(q, "ap", ap) || !allow(q, "band", band) || !allow(q, "ssid", site.SSID) || !allow(q, "wlan_id", site.WLANID.String()) {
				continue
			}
			hits = append(hits, hit{at: end, key: s.Client.MAC.String() + ap, row: object{
				"mac": s.Client.MAC, "ap": ap, "band": band, "ssid": site.SSID, "wlan_id": site.WLANID,
				"org_id": site.Org.ID, "site_id": site.ID, "client_manufacture": "Unknown",
				"connect": s.ConnectAt.Unix(), "disconnect": end.Unix(),
				"duration": end.Sub(s.ConnectAt).Seconds(), "timestamp": epoch(end), "tags": []string{"disassociate"},
			}})
		}
	}
	return searched(r, win, hits)
}

// wiredSearch answers with a row per wired client and its stays on ports: the only
// intervals there are of wired clients. The world's docks hang on their gateway.
func (w *Window) wiredSearch(r *request) (any, error) {
	q := r.URL.Query()
	win, err := windowOf(q, r.now)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, s := range w.look(r, win, true) {
		lease := s.leases[len(s.leases)-1]
		var ips, devices, ports []string
		var stays []object
		for _, l := range s.leases {
			device, port := l.Site.Gateway.MAC.String(), dockPort(l.Site, s.client)
			ips, devices, ports = appendNew(ips, l.IP.String()), appendNew(devices, device), appendNew(ports, port)
			when := l.To
			if when.After(win.end) {
				when = win.end
			}
			stays = append(stays, object{
				"device_mac": device, "port_id": port, "ip": l.IP.String(), "vlan": 1,
				"start": l.From.UTC().Format(wiredTime), "when": when.UTC().Format(wiredTime),
			})
		}
		if !allow(q, "mac", s.client.MAC.String()) || !allow(q, "ip", ips...) || !allow(q, "device_mac", devices...) ||
			!allow(q, "port_id", ports...) || !allow(q, "dhcp_hostname", s.client.Hostname) || !allow(q, "site_id", lease.Site.ID.String()) {
			continue
		}
		hits = append(hits, hit{at: s.last(win), key: s.client.MAC.String(), row: object{
			"mac": s.client.MAC, "org_id": r.org.ID, "site_id": lease.Site.ID, "ip": ips, "vlan": []int{1},
			"device_mac": devices, "port_id": ports, "device_mac_port": stays,
			"dhcp_hostname": s.client.Hostname, "timestamp": epoch(s.last(win)),
		}})
	}
	return searched(r, win, hits)
}

// dockPort is a port of the gateway beside its uplink, the same for a client always.
func dockPort(site *world.Site, c *world.Client) string {
	n := 1 + int(c.MAC[5])%47
	for port := "ge-0/0/"; ; n++ {
		if name := port + strconv.Itoa(n); name != site.Gateway.Port {
			return name
		}
	}
}
