package weave

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// devices is what the network knew, row by row, and the history that names rows by
// their position.
type devices struct {
	leases    []db.Lease
	clients   []store.ClientSample
	radios    []store.RadioSample
	wans      []store.WANSample
	apClients map[apMoment]measure.Value
	history   *correlate.History
}

// apMoment is an interval of an access point, all its radios.
type apMoment struct {
	ap         macaddr.Addr
	start, end int64 // microseconds
}

// loadDevices reads the samples of the clients that legs were, while they were in the
// call, of the radios they may have been on, and of the uplinks of their sites.
func (w *Weaver) loadDevices(ctx context.Context, b *batch, matched []*leg, from, to time.Time) error {
	d := &b.devices
	present, sites := presences(matched)
	clients := make(map[macaddr.Addr]bool, len(present))
	for _, p := range present {
		clients[p.MAC] = true
	}
	var err error
	if d.clients, err = w.store.ClientSamples(ctx, d.clients, b.orgID, present); err != nil {
		return err
	}
	aps := make(map[macaddr.Addr]bool)
	for _, l := range d.leases {
		if clients[macaddr.FromHardware(l.Mac)] {
			aps[macaddr.FromHardware(l.ApMac)] = true
		}
	}
	for i := range d.clients {
		aps[d.clients[i].AP] = true
	}
	delete(aps, macaddr.Addr{})
	apMACs := make([]net.HardwareAddr, 0, len(aps))
	for ap := range aps {
		apMACs = append(apMACs, ap.Hardware())
	}
	if d.radios, err = w.store.RadioSamples(ctx, d.radios, b.orgID, apMACs, from, to); err != nil {
		return err
	}
	if d.wans, err = w.store.WANSamples(ctx, b.orgID, sites, from, to); err != nil {
		return err
	}
	d.index(clients)
	return nil
}

// presences are when clients were in calls, each of their times once, and at which sites
// the calls were.
func presences(matched []*leg) (clients []store.Presence, sites []uuid.UUID) {
	at := make(map[uuid.UUID]bool)
	for _, l := range matched {
		for _, stay := range l.match.Stays {
			at[stay.SiteID] = true
			if !stay.MAC.IsZero() {
				clients = append(clients, store.Presence{MAC: stay.MAC, From: stay.JoinAt.Add(-beyondLeg), To: stay.LeaveAt.Add(beyondLeg)})
			}
		}
	}
	slices.SortFunc(clients, func(x, y store.Presence) int {
		return cmp.Or(bytes.Compare(x.MAC[:], y.MAC[:]), x.From.Compare(y.From))
	})
	once := clients[:0]
	for _, p := range clients {
		if last := len(once) - 1; last >= 0 && once[last].MAC == p.MAC && !p.From.After(once[last].To) {
			if p.To.After(once[last].To) {
				once[last].To = p.To
			}
			continue
		}
		once = append(once, p)
	}
	return once, slices.Collect(maps.Keys(at))
}

// index builds the history of the clients and counts the clients of access points.
func (d *devices) index(clients map[macaddr.Addr]bool) {
	d.apClients = make(map[apMoment]measure.Value)
	for i := range d.radios {
		r := &d.radios[i]
		number, known := r.Clients.Get()
		if !known {
			continue
		}
		key := momentOf(r)
		d.apClients[key] = measure.Of(d.apClients[key].Or(0) + number)
	}
	spans := correlate.Devices{
		Leases:  make([]correlate.Lease, 0, len(clients)),
		Clients: make([]correlate.ClientSpan, len(d.clients)),
		Radios:  make([]correlate.RadioSpan, len(d.radios)),
		WANs:    make([]correlate.WANSpan, len(d.wans)),
	}
	for _, l := range leasesOf(d.leases, nil) {
		if clients[l.MAC] {
			spans.Leases = append(spans.Leases, l)
		}
	}
	for i := range d.clients {
		c := &d.clients[i]
		spans.Clients[i] = correlate.ClientSpan{MAC: c.MAC, AP: c.AP, Band: c.Band, From: c.StartAt, To: c.EndAt}
	}
	for i := range d.radios {
		r := &d.radios[i]
		spans.Radios[i] = correlate.RadioSpan{AP: r.AP, Band: r.Band, From: r.StartAt, To: r.EndAt}
	}
	for i := range d.wans {
		u := &d.wans[i]
		spans.WANs[i] = correlate.WANSpan{SiteID: u.SiteID, Gateway: u.Gateway, Port: u.Port, From: u.StartAt, To: u.EndAt}
	}
	d.history = correlate.NewHistory(spans)
}

func momentOf(r *store.RadioSample) apMoment {
	return apMoment{r.AP, r.StartAt.UnixMicro(), r.EndAt.UnixMicro()}
}

// sitesOf reads sites as they were from some time on.
func sitesOf(rows []db.Site, from time.Time) []correlate.Site {
	sites := make([]correlate.Site, len(rows))
	for i, row := range rows {
		ips := slices.Clone(row.PublicIps)
		for k, until := range row.FormerUntil {
			if until.After(from) {
				ips = append(ips, row.FormerPublicIps[k])
			}
		}
		sites[i] = correlate.Site{ID: row.SiteID, PublicIPs: ips, Subnets: row.Subnets}
	}
	return sites
}

// leasesOf reads leases, with the names of clients where there is a key to open them.
func leasesOf(rows []db.Lease, names *vault.Key) []correlate.Lease {
	leases := make([]correlate.Lease, len(rows))
	for i, row := range rows {
		var ip netip.Addr
		if row.Ip != nil {
			ip = *row.Ip
		}
		leases[i] = correlate.Lease{
			MAC: macaddr.FromHardware(row.Mac), SiteID: row.SiteID, IP: ip, AP: macaddr.FromHardware(row.ApMac),
			Band: row.Band, Source: correlate.Source(row.Source), From: row.FromAt, To: row.ToAt, Wired: row.Wired,
		}
		if names == nil || row.HostnameSealed == nil {
			continue
		}
		// A name sealed with an earlier key of the org is of data that were erased, and unknown.
		if name, err := names.Open(leaseHostname, row.HostnameSealed); err == nil {
			leases[i].Hostname = secret.New(string(name))
		}
	}
	return leases
}
