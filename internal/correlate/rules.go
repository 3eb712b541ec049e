package correlate

import (
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// Confidences: how far a rule may be trusted. They are an order with room between its
// steps, not measured probabilities.
const (
	confidenceMACAndAddress  = 1.0
	confidenceMAC            = 0.98 // the device is at the site; the call may use another of its networks
	confidencePublicIP       = 0.95 // an address may have changed hands between two looks
	confidenceHostnameAtSite = 0.9  // names are given by people
	confidenceSubnet         = 0.7  // another network may use the same private addresses
	confidenceHostname       = 0.6  // and two of one name may be in different places
	confidenceSite           = 0.5  // the site only
)

// shared are hardware addresses that drivers and tunnels give to every machine alike:
// they tell no device from another.
func shared(addr macaddr.Addr) bool {
	switch addr {
	case macaddr.Addr{0x00, 0x05, 0x9a, 0x3c, 0x7a, 0x00}, // Cisco AnyConnect
		macaddr.Addr{0x02, 0x50, 0x41, 0x00, 0x00, 0x01},                                                   // Palo Alto GlobalProtect
		macaddr.Addr{0x00, 0x09, 0x0f, 0xfe, 0x00, 0x01},                                                   // Fortinet SSL VPN
		macaddr.Addr{0x00, 0x50, 0x56, 0xc0, 0x00, 0x01}, macaddr.Addr{0x00, 0x50, 0x56, 0xc0, 0x00, 0x08}, // VMware's host adapters
		macaddr.Addr{0x0a, 0x00, 0x27, 0x00, 0x00, 0x00}, // VirtualBox's host adapter
		macaddr.Addr{0x02, 0x00, 0x00, 0x00, 0x00, 0x00}: // what iOS and Android give instead
		return true
	}
	return false
}

// unique reports whether an address tells one device from the others. Addresses that are
// no station's (multicast, and with it broadcast) are junk of a driver.
func unique(addr macaddr.Addr) bool {
	const multicast = 0x01 // IEEE 802, the group bit
	return !addr.IsZero() && addr[0]&multicast == 0 && !shared(addr)
}

// byHardwareAddress: a lease of the leg's own hardware address overlaps the leg. The
// leg's other addresses have no say: through a VPN they are the tunnel's.
func (m *Matcher) byHardwareAddress(leg Leg) []candidate {
	if !unique(leg.MAC) {
		return nil
	}
	var found []candidate
	for _, i := range m.byMAC[leg.MAC] {
		c, ok := m.candidate(i, leg)
		if !ok {
			continue
		}
		c.confidence, c.reason = confidenceMAC, ReasonMAC
		ip := m.leases[i].IP
		if ip.IsValid() && slices.ContainsFunc(leg.PrivateIPs, func(own netip.Addr) bool { return own.Unmap() == ip.Unmap() }) {
			c.confidence, c.reason = confidenceMACAndAddress, ReasonMACAndAddress
		}
		found = append(found, c)
	}
	return found
}

// byPrivateAddress: a lease of one of the leg's private addresses overlaps the leg, at a
// site where the leg may have been. Private addresses are the same everywhere (RFC 1918),
// in other orgs, at home and in tunnels: the site must be borne out by where the
// internet saw the leg.
func (m *Matcher) byPrivateAddress(leg Leg) []candidate {
	var found []candidate
	for _, ip := range leg.PrivateIPs {
		ip = ip.Unmap()
		if !places(ip) {
			continue
		}
		for _, i := range m.byIP[ip] {
			c, ok := m.candidate(i, leg)
			if !ok {
				continue
			}
			if c.confidence, c.reason = m.allows(m.leases[i].SiteID, leg, ip); c.confidence > 0 {
				c.fact = ip.String()
				found = append(found, c)
			}
		}
	}
	return found
}

// places reports whether an address may say where somebody is.
func places(ip netip.Addr) bool {
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast()
}

// byHostname: a client of the leg's name has a lease then, at the site where the internet
// saw the leg. Where it saw it at no site, as it does through a VPN, the name alone must
// do: one that people gave, of somebody of the account, and nothing else against it.
func (m *Matcher) byHostname(leg Leg) []candidate {
	name := hostname(leg.Hostname)
	if name == "" {
		return nil
	}
	sites := m.seenAt(leg)
	if len(sites) == 0 && (leg.Guest || given(name)) {
		return nil
	}
	var found []candidate
	for _, i := range m.byName[name] {
		c, ok := m.candidate(i, leg)
		if !ok {
			continue
		}
		switch at, known := m.siteByID[m.leases[i].SiteID]; {
		case anotherDevice(m.leases[i], leg):
			continue
		case len(sites) > 0 && known && slices.Contains(sites, at):
			c.confidence, c.reason = confidenceHostnameAtSite, ReasonHostnameAtSite
		case len(sites) > 0:
			continue
		default:
			c.confidence, c.reason = confidenceHostname, ReasonHostname
		}
		found = append(found, c)
	}
	return found
}

// seenAt are the sites that the leg's public address speaks for. Of a leg whose private
// addresses are of no network of the site it says only where a tunnel ends.
func (m *Matcher) seenAt(leg Leg) []int {
	sites := m.public[leg.PublicIP.Unmap()]
	if len(leg.PrivateIPs) == 0 {
		return sites
	}
	var seen []int
	for _, at := range sites {
		if slices.ContainsFunc(leg.PrivateIPs, func(ip netip.Addr) bool { return m.within(m.sites[at], ip.Unmap()) }) {
			seen = append(seen, at)
		}
	}
	return seen
}

// anotherDevice reports whether the lease is of another adapter of the same kind: each
// shows the address it was made with, and they differ.
func anotherDevice(lease Lease, leg Leg) bool {
	made := unique(leg.MAC) && !leg.MAC.Local() && !lease.MAC.Local()
	return made && leg.MAC != lease.MAC && leg.Medium.is(lease.Wired)
}

// is reports whether the medium is known to be the wire, or the air.
func (m Medium) is(wired bool) bool {
	return m == MediumWired && wired || m == MediumWireless && !wired
}

// allows says how well a leg with this private address fits the site; 0 where it cannot
// be there. A leg whose public address is hidden could be anywhere, and one with the
// public address of another site is there.
func (m *Matcher) allows(siteID uuid.UUID, leg Leg, ip netip.Addr) (float64, Reason) {
	at, known := m.siteByID[siteID]
	if !known || !leg.PublicIP.IsValid() {
		return 0, ""
	}
	seen := m.public[leg.PublicIP.Unmap()]
	if slices.Contains(seen, at) {
		return confidencePublicIP, ReasonPublicIP
	}
	if len(m.sites[at].PublicIPs) > 0 || len(seen) > 0 {
		return 0, ""
	}
	if slices.ContainsFunc(m.sites[at].Subnets, func(subnet netip.Prefix) bool { return subnet.Contains(ip) }) {
		return confidenceSubnet, ReasonSubnet
	}
	return 0, ""
}

// bySite: the internet saw the leg at one site, and nothing says that it only came out
// there: a tunnel that ends at the site gives addresses that are not of its networks.
func (m *Matcher) bySite(leg Leg) (Match, bool) {
	none := Match{LegID: leg.ID, Reason: ReasonNoLease}
	seen := m.seenAt(leg)
	if len(seen) != 1 || len(leg.PrivateIPs) == 0 {
		return none, false
	}
	site := m.sites[seen[0]]
	return Match{
		LegID: leg.ID, SiteID: site.ID, Rule: RulePublicIP, Confidence: confidenceSite, Reason: ReasonSite,
		Stays: []Stay{{SiteID: site.ID, JoinAt: leg.JoinAt, LeaveAt: leg.LeaveAt}},
	}, true
}

// within reports whether an address is of a site's networks: in one of its subnets, or
// next to one of its leases where these are not known.
func (m *Matcher) within(site Site, ip netip.Addr) bool {
	if !places(ip) {
		return false
	}
	if len(site.Subnets) > 0 {
		return slices.ContainsFunc(site.Subnets, func(subnet netip.Prefix) bool { return subnet.Contains(ip) })
	}
	return m.nearby[neighbourhood{site.ID, around(ip)}]
}

// around is the smallest network that LANs usually are.
func around(ip netip.Addr) netip.Prefix {
	const lan4, lan6 = 24, 64
	bits := lan4
	if ip.Is6() {
		bits = lan6
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
