package weave

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"callweave/internal/correlate"
	"callweave/internal/macaddr"
)

// matchLegs finds out which legs were on the org's network, and returns these.
func (w *Weaver) matchLegs(ctx context.Context, b *batch, from, to time.Time) ([]*leg, error) {
	sites, err := w.store.Sites(ctx, b.orgID)
	if err != nil {
		return nil, err
	}
	var legs []*leg
	for _, ofMeeting := range b.legs {
		for i := range ofMeeting {
			legs = append(legs, &ofMeeting[i])
		}
	}
	for _, l := range legs {
		l.person, l.err = b.accountKey.OpenPerson(legPerson, l.PersonSealed)
	}
	matcher, err := w.matcher(ctx, b, sitesOf(sites, from), legs, from, to)
	if err != nil {
		return nil, err
	}
	var matched []*leg
	for _, l := range legs {
		if l.match, l.matched = matcher.Match(l.facts()); l.matched {
			matched = append(matched, l)
		}
	}
	return matched, nil
}

// matcher knows the leases that may say who the legs were: for a few meetings those of the
// legs' own addresses, where these settle it, else all of the org at that time.
func (w *Weaver) matcher(ctx context.Context, b *batch, sites []correlate.Site, legs []*leg, from, to time.Time) (*correlate.Matcher, error) {
	if len(b.legs) <= fewMeetings {
		var macs []net.HardwareAddr
		var ips []netip.Addr
		for _, l := range legs {
			ips = append(ips, l.PrivateIps...)
			if l.Mac != nil {
				macs = append(macs, l.Mac)
			}
		}
		leases, err := w.store.LeasesOfDevices(ctx, b.orgID, macs, ips, from, to)
		if err != nil {
			return nil, err
		}
		b.devices.leases = leases
		matcher := correlate.NewMatcher(sites, leasesOf(leases, b.orgKey))
		if !slices.ContainsFunc(legs, func(l *leg) bool { return !matcher.Settled(l.facts()) }) {
			return matcher, nil
		}
	}
	leases, err := w.store.Leases(ctx, b.orgID, from, to)
	if err != nil {
		return nil, err
	}
	b.devices.leases = leases
	return correlate.NewMatcher(sites, leasesOf(leases, b.orgKey)), nil
}

// facts are what the network can recognise the leg by.
func (l *leg) facts() correlate.Leg {
	facts := correlate.Leg{
		ID: l.LegID, JoinAt: l.JoinAt, LeaveAt: l.leaveAt, Guest: l.Guest,
		MAC: macaddr.FromHardware(l.Mac), PrivateIPs: l.PrivateIps,
		Hostname: l.person.Hostname, Medium: mediumOf(l.NetworkType),
	}
	if l.PublicIp != nil {
		facts.PublicIP = *l.PublicIp
	}
	return facts
}

// mediumOf reads what Zoom calls a leg's network type (Dashboard API reference, "List
// meeting participants": Wired, Wifi, PPP, Cellular, Others).
func mediumOf(networkType string) correlate.Medium {
	switch strings.ToLower(networkType) {
	case "wired":
		return correlate.MediumWired
	case "wifi":
		return correlate.MediumWireless
	case "cellular":
		return correlate.MediumCellular
	}
	return correlate.MediumUnknown
}
