package correlate

import (
	"net/netip"
	"slices"
)

// Tunnelled tells whether a leg went through a tunnel, such as a company's VPN, though its
// client was at the site; nil where that is not known. leased are the addresses that the
// network gave the client.
//
// A leg shows the address of the adapter that carries it: one that is neither the client's
// own nor of the site's networks is a tunnel's. How far away the tunnel ends is not known:
// no provider tells the way between.
func Tunnelled(leg Leg, site Site, leased []netip.Addr) *bool {
	var own, foreign bool
	for _, ip := range leg.PrivateIPs {
		ip = ip.Unmap()
		if !places(ip) {
			continue
		}
		inside := func(subnet netip.Prefix) bool { return subnet.Contains(ip) }
		like := func(lease netip.Addr) bool { return lease.Is4() == ip.Is4() }
		sameKind := func(subnet netip.Prefix) bool { return subnet.Addr().Is4() == ip.Is4() }
		switch {
		case slices.Contains(leased, ip), slices.ContainsFunc(site.Subnets, inside):
			own = true
		case slices.ContainsFunc(leased, like), slices.ContainsFunc(site.Subnets, sameKind):
			foreign = true
		}
	}
	switch {
	case own:
		return new(false)
	case foreign:
		return new(true)
	case slices.Contains(site.PublicIPs, leg.PublicIP.Unmap()):
		return new(false)
	}
	return nil
}
