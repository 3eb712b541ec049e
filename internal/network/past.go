package network

import (
	"net/netip"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/secret"
)

// PastLeases joins the sessions of a window, which have places but no addresses,
// with the sightings of the same window, which have addresses but no times. A client
// with one address in the window had it in all its sessions there; with several, it
// had the only one that the session's site can have; and where that leaves a choice,
// the lease's address is unknown rather than guessed. Names follow the same rule.
//
// Wired stays carry their own address and become leases as they are.
func PastLeases(sites []Site, sessions []Session, sightings []Sighting) []Lease {
	subnets := make(map[uuid.UUID][]netip.Prefix, len(sites))
	for _, site := range sites {
		subnets[site.ID] = site.Subnets
	}
	seen := make(map[macaddr.Addr]Sighting, len(sightings))
	var leases []Lease
	for _, s := range sightings {
		known := seen[s.MAC]
		known.IPs = append(known.IPs, s.IPs...)
		known.Hostnames = append(known.Hostnames, s.Hostnames...)
		known.Usernames = append(known.Usernames, s.Usernames...)
		seen[s.MAC] = known
		for _, stay := range s.Stays {
			if !stay.From.Before(stay.To) {
				continue
			}
			leases = append(leases, Lease{
				SiteID: s.LastSiteID, MAC: s.MAC, Wired: true, IP: stay.IP,
				Hostname: only(s.Hostnames), Username: only(s.Usernames),
				DeviceMAC: stay.DeviceMAC, Port: stay.Port, From: stay.From, To: stay.To,
			})
		}
	}
	for _, session := range sessions {
		if !session.From.Before(session.To) {
			continue
		}
		s := seen[session.MAC]
		leases = append(leases, Lease{
			SiteID: session.SiteID, MAC: session.MAC,
			IP: onlyWithin(s.IPs, subnets[session.SiteID]), Hostname: only(s.Hostnames), Username: only(s.Usernames),
			DeviceMAC: session.DeviceMAC, SSID: session.SSID, Band: session.Band,
			From: session.From, To: session.To,
		})
	}
	return leases
}

// onlyWithin returns the one address that may be of the subnets; all may where the
// subnets are unknown.
func onlyWithin(addrs []netip.Addr, subnets []netip.Prefix) netip.Addr {
	if len(subnets) == 0 {
		return only(addrs)
	}
	var within []netip.Addr
	for _, addr := range addrs {
		for _, subnet := range subnets {
			if subnet.Contains(addr) {
				within = append(within, addr)
				break
			}
		}
	}
	return only(within)
}

// only returns the one distinct value, or the zero value when there are several.
func only[T netip.Addr | secret.Text](values []T) T {
	var zero T
	for _, v := range values {
		if v != values[0] {
			return zero
		}
	}
	if len(values) == 0 {
		return zero
	}
	return values[0]
}
