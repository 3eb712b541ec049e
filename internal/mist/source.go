package mist

import (
	"cmp"
	"context"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
)

var _ network.Source = (*Source)(nil)

// Source is one org's network in the Mist cloud.
type Source struct {
	client *Client
	orgID  uuid.UUID
	now    func() time.Time

	mu      sync.Mutex
	metrics map[string]Metric // read once: the catalogue is constant
}

// NewSource returns the network of an org. now tells the age of histories; nil means
// the system's clock.
func NewSource(client *Client, orgID uuid.UUID, now func() time.Time) *Source {
	if now == nil {
		now = time.Now
	}
	return &Source{client: client, orgID: orgID, now: now}
}

// Sites lists the sites. Their public addresses and subnets are those that access
// points and gateways report.
func (s *Source) Sites(ctx context.Context) ([]network.Site, error) {
	sites := map[uuid.UUID]network.Site{}
	for site, err := range s.client.Sites(ctx, s.orgID) {
		if err != nil {
			return nil, err
		}
		sites[site.ID] = site
	}
	for device, err := range s.client.DeviceStats(ctx, s.orgID, AllDevices) {
		if err != nil {
			return nil, err
		}
		if site, ok := sites[device.SiteID]; ok {
			site.PublicAddrs = append(site.PublicAddrs, device.PublicAddrs...)
			site.Subnets = append(site.Subnets, device.Subnets...)
			sites[device.SiteID] = site
		}
	}
	out := make([]network.Site, 0, len(sites))
	for _, site := range sites {
		slices.SortFunc(site.PublicAddrs, netip.Addr.Compare)
		site.PublicAddrs = slices.Compact(site.PublicAddrs)
		slices.SortFunc(site.Subnets, netip.Prefix.Compare)
		site.Subnets = slices.Compact(site.Subnets)
		out = append(out, site)
	}
	slices.SortFunc(out, func(a, b network.Site) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return out, nil
}

// Clients yields the wireless clients of a site. Wired ones have no address in the
// cloud's statistics: they come with [Source.Sightings].
func (s *Source) Clients(ctx context.Context, siteID uuid.UUID) iter.Seq2[network.ClientSnapshot, error] {
	return once(s.client.ClientStats(ctx, siteID, false), func(c network.ClientSnapshot) macaddr.Addr { return c.MAC })
}

// Devices reads the names of all devices, the radios of all access points and the uplinks
// of all gateways.
func (s *Source) Devices(ctx context.Context) (network.Devices, error) {
	type port struct {
		mac  macaddr.Addr
		name string
	}
	var out network.Devices
	uplinks := map[port]bool{}
	for device, err := range once(s.client.DeviceStats(ctx, s.orgID, AllDevices), func(d Device) macaddr.Addr { return d.MAC }) {
		if err != nil {
			return network.Devices{}, err
		}
		if named, ok := device.named(); ok {
			out.Named = append(out.Named, named)
		}
		out.Radios = append(out.Radios, device.Radios...)
		for _, name := range device.WANPorts {
			uplinks[port{device.MAC, name}] = true
		}
	}
	for wan, err := range s.client.WANPorts(ctx, s.orgID) {
		if err != nil {
			return network.Devices{}, err
		}
		if uplinks[port{wan.DeviceMAC, wan.Port}] {
			out.WANs = append(out.WANs, wan)
		}
	}
	return out, nil
}

// Sessions yields the wireless sessions that ended within [from, to).
func (s *Source) Sessions(ctx context.Context, from, to time.Time) iter.Seq2[network.Session, error] {
	return s.client.Sessions(ctx, s.orgID, from, to)
}

// Sightings yields the wireless and then the wired clients seen within [from, to).
func (s *Source) Sightings(ctx context.Context, from, to time.Time) iter.Seq2[network.Sighting, error] {
	return func(yield func(network.Sighting, error) bool) {
		for _, part := range []iter.Seq2[network.Sighting, error]{
			s.client.ClientSearch(ctx, s.orgID, from, to),
			s.client.WiredClients(ctx, s.orgID, from, to),
		} {
			for sighting, err := range part {
				if !yield(sighting, err) || err != nil {
					return
				}
			}
		}
	}
}

// Budget tells how much of the hour's calls the token has spent.
func (s *Source) Budget(ctx context.Context) (network.Budget, error) { return s.client.Usage(ctx) }

// once leaves out rows that come again because the list moved between two pages.
func once[T any](rows iter.Seq2[T, error], key func(T) macaddr.Addr) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[macaddr.Addr]bool{}
		for row, err := range rows {
			if err == nil {
				if seen[key(row)] {
					continue
				}
				seen[key(row)] = true
			}
			if !yield(row, err) {
				return
			}
		}
	}
}
