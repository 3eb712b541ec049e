package correlate

import (
	"net/netip"
	"slices"
)

// Confidences: how far a rule may be trusted. They are an order with room between its
// steps, not measured probabilities.
const (
	confidenceMACAndAddress = 1.0
	confidenceMAC           = 0.98 // the device is at the site; the call may use another of its networks
	confidencePublicIP      = 0.95 // an address may have changed hands between two looks
	confidenceSubnet        = 0.7  // another network may use the same private addresses
)

// byHardwareAddress: a lease of the leg's own hardware address overlaps the leg. The
// leg's other addresses have no say: through a VPN they are the tunnel's. Addresses
// that are no station's (multicast, and with it broadcast) are junk of a driver.
func (m *Matcher) byHardwareAddress(leg Leg) []candidate {
	const multicast = 0x01 // IEEE 802, the group bit
	if leg.MAC.IsZero() || leg.MAC[0]&multicast != 0 {
		return nil
	}
	var found []candidate
	for _, i := range m.byMAC[leg.MAC] {
		lease := m.leases[i]
		shared := overlap(lease, leg)
		if shared <= 0 {
			continue
		}
		c := candidate{lease.MAC, lease.SiteID, shared, confidenceMAC, ReasonMAC}
		if lease.IP.IsValid() && slices.ContainsFunc(leg.PrivateIPs, func(ip netip.Addr) bool { return ip.Unmap() == lease.IP.Unmap() }) {
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
		if !ip.IsValid() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() {
			continue
		}
		for _, i := range m.byIP[ip] {
			lease := m.leases[i]
			shared := overlap(lease, leg)
			if shared <= 0 {
				continue
			}
			at := slices.IndexFunc(m.sites, func(s Site) bool { return s.ID == lease.SiteID })
			if at < 0 {
				continue
			}
			if confidence, reason := m.allows(m.sites[at], leg, ip); confidence > 0 {
				found = append(found, candidate{lease.MAC, lease.SiteID, shared, confidence, reason})
			}
		}
	}
	return found
}

// allows says how well a leg with this private address fits the site; 0 where it cannot
// be there. A leg whose public address is hidden could be anywhere, and one with the
// public address of another site is there.
func (m *Matcher) allows(site Site, leg Leg, ip netip.Addr) (float64, Reason) {
	if !leg.PublicIP.IsValid() {
		return 0, ""
	}
	if seenFrom(site, leg.PublicIP) {
		return confidencePublicIP, ReasonPublicIP
	}
	elsewhere := slices.ContainsFunc(m.sites, func(s Site) bool { return seenFrom(s, leg.PublicIP) })
	if len(site.PublicIPs) > 0 || elsewhere {
		return 0, ""
	}
	if slices.ContainsFunc(site.Subnets, func(subnet netip.Prefix) bool { return subnet.Contains(ip) }) {
		return confidenceSubnet, ReasonSubnet
	}
	return 0, ""
}

func seenFrom(site Site, public netip.Addr) bool {
	return slices.ContainsFunc(site.PublicIPs, func(ip netip.Addr) bool { return ip.Unmap() == public.Unmap() })
}
