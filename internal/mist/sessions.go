package mist

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"callweave/internal/network"
)

// Sessions yields the wireless sessions of an org that ended within [from, to). A
// session that is still open is in no answer: its client is in [Client.ClientStats].
func (c *Client) Sessions(ctx context.Context, orgID uuid.UUID, from, to time.Time) iter.Seq2[network.Session, error] {
	type row struct {
		MAC        text `json:"mac"`
		SiteID     text `json:"site_id"`
		AP         text `json:"ap"`
		SSID       text `json:"ssid"`
		Band       text `json:"band"`
		Connect    num  `json:"connect"`
		Disconnect num  `json:"disconnect"`
	}
	rows := search[row](ctx, c, "search sessions", orgPath(orgID, "clients/sessions/search"), window(from, to))
	return mapped(rows, func(r at[row]) (network.Session, bool) {
		s := network.Session{
			SiteID: r.row.SiteID.id(), MAC: r.row.MAC.mac(), DeviceMAC: r.row.AP.mac(), SSID: string(r.row.SSID),
			Band: r.row.Band.band(), From: r.row.Connect.epoch(), To: r.row.Disconnect.epoch(),
		}
		return s, !s.MAC.IsZero() && s.SiteID != uuid.Nil && !s.From.IsZero() && s.To.After(s.From)
	})
}
