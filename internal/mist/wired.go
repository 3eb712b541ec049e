package mist

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/network"
)

// wiredRow is a row of wired_clients/search.
type wiredRow struct {
	MAC       text  `json:"mac"`
	SiteID    text  `json:"site_id"`
	IP        texts `json:"ip"`
	Hostname  text  `json:"dhcp_hostname"`
	Timestamp num   `json:"timestamp"`
	Ports     []struct {
		DeviceMAC text `json:"device_mac"`
		PortID    text `json:"port_id"`
		IP        text `json:"ip"`
		Start     text `json:"start"`
		When      text `json:"when"`
	} `json:"device_mac_port"`
}

// WiredClients yields the wired clients that an org saw within [from, to), with their
// stays on ports. A stay ends when the client was last seen there: the cloud knows no
// disconnect of a wired client.
func (c *Client) WiredClients(ctx context.Context, orgID uuid.UUID, from, to time.Time) iter.Seq2[network.Sighting, error] {
	rows := search[wiredRow](ctx, c, "search wired clients", orgPath(orgID, "wired_clients/search"), window(from, to))
	return mapped(rows, func(r at[wiredRow]) (network.Sighting, bool) { return r.row.sighting() })
}

func (r wiredRow) sighting() (network.Sighting, bool) {
	s := network.Sighting{
		MAC: r.MAC.mac(), LastSiteID: r.SiteID.id(), Wired: true, LastSeenAt: r.Timestamp.epoch(), IPs: r.IP.ips(),
	}
	if s.LastSiteID != uuid.Nil {
		s.SiteIDs = []uuid.UUID{s.LastSiteID}
	}
	if !r.Hostname.secret().IsZero() {
		s.Hostnames = append(s.Hostnames, r.Hostname.secret())
	}
	for _, port := range r.Ports {
		stay := network.WiredStay{
			DeviceMAC: port.DeviceMAC.mac(), Port: string(port.PortID), IP: port.IP.ip(),
			From: port.Start.stamp(), To: port.When.stamp(),
		}
		if !stay.From.IsZero() && !stay.To.IsZero() {
			s.Stays = append(s.Stays, stay)
		}
	}
	return s, !s.MAC.IsZero()
}

// deviceMAC reads the hardware address that a device's id ends with:
// 00000000-0000-0000-1000-5c5b350e0001.
func deviceMAC(id text) macaddr.Addr {
	parsed := id.id()
	if parsed == uuid.Nil {
		return macaddr.Addr{}
	}
	return macaddr.Addr(parsed[10:])
}
