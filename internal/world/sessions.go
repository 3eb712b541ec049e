package world

import (
	"bytes"
	"cmp"
	"slices"
	"time"
)

// roamEvery is how often people may change place, in seconds.
const roamEvery = 20 * 60

// sessions splits a stay into associations. Most of the time people are near their
// desk's AP; now and then they walk to another, also during a call.
func (c *Client) sessions(site *Site, day int64, stay span) []Session {
	var list []Session
	from := stay.from
	for from < stay.to {
		slot := c.roamSlot(from)
		ap := c.apIn(site, slot)
		to := c.roamAt(slot + 1)
		for to < stay.to && c.apIn(site, slot+1) == ap {
			slot++
			to = c.roamAt(slot + 1)
		}
		to = min(to, stay.to)
		list = append(list, Session{
			Client: c, AP: ap, Site: site, Band: c.band(ap, day),
			ConnectAt: unixTime(from), DisconnectAt: unixTime(to),
		})
		from = to
	}
	return list
}

// roamAt is the second at which a slot begins; people do not move on the hour.
func (c *Client) roamAt(slot int64) int64 {
	return slot*roamEvery + int64(hash(c.Person.key, saltRoam, uint64(slot))%600)
}

func (c *Client) roamSlot(unix int64) int64 {
	slot := floorDiv(unix, roamEvery)
	if unix < c.roamAt(slot) {
		slot--
	}
	return slot
}

func (c *Client) apIn(site *Site, slot int64) *AP {
	desk := pick(hash(c.Person.key, saltRoam, site.key), site.APs)
	if draw := hash(c.Person.key, saltRoam, site.key, uint64(slot)); unit(draw) < 0.15 {
		return pick(mix(draw+1), site.APs)
	}
	return desk
}

func (c *Client) band(ap *AP, day int64) Band {
	share24, share6 := 0.08, 0.0
	switch c.Proto {
	case "n":
		share24 = 0.6
	case "be":
		share6 = 0.5
	}
	switch draw := unit(hash(c.key, saltBand, ap.key, uint64(day))); {
	case draw < share24:
		return Band24
	case draw < share24+share6:
		return Band6
	default:
		return Band5
	}
}

// Sessions returns the associations on a site that overlap [from, to), by start. A
// roam is two of them, the second beginning when the first ends.
func (w *World) Sessions(s *Site, from, to time.Time) []Session {
	var list []Session
	w.eachTrack(s, span{ceilSecond(from), ceilSecond(to)}, func(p *Person, _ int64, t *track) {
		for i := range p.Clients {
			for _, session := range t.sessions[i] {
				if session.Site == s && session.ConnectAt.Before(to) && session.DisconnectAt.After(from) {
					list = append(list, session)
				}
			}
		}
	})
	slices.SortFunc(list, func(a, b Session) int {
		return cmp.Or(a.ConnectAt.Compare(b.ConnectAt), bytes.Compare(a.Client.MAC[:], b.Client.MAC[:]))
	})
	return list
}

// leaseSlack is how long an address stays with a client that has left.
const leaseSlack = 30 * 60

// Leases returns the address leases on a site that overlap [from, to), by start. At
// any moment an address is leased to one client of the site at most.
func (w *World) Leases(s *Site, from, to time.Time) []Lease {
	var list []Lease
	w.eachTrack(s, span{ceilSecond(from), ceilSecond(to)}, func(p *Person, day int64, t *track) {
		whole, ever := t.at(s)
		if !ever {
			return
		}
		whole.to = min(whole.to+leaseSlack, p.daySpan(day).to)
		for _, c := range p.Clients {
			leased := []span{whole}
			if c.Wired {
				if s != p.whereabouts(day) {
					continue
				}
				// What is unplugged is gone from its port at once.
				leased = without(leased, t.unplug)
			}
			for _, l := range leased {
				lease := Lease{Client: c, Site: s, IP: c.address(s, day), From: unixTime(l.from), To: unixTime(l.to)}
				if c.on(day) && lease.From.Before(to) && lease.To.After(from) {
					list = append(list, lease)
				}
			}
		}
	})
	slices.SortFunc(list, func(a, b Lease) int {
		return cmp.Or(a.From.Compare(b.From), bytes.Compare(a.Client.MAC[:], b.Client.MAC[:]))
	})
	return list
}

// eachTrack visits the people who may be at a site on a local day that overlaps a span.
func (w *World) eachTrack(s *Site, within span, visit func(*Person, int64, *track)) {
	if within.from >= within.to {
		return
	}
	for _, p := range s.Org.People {
		for day := p.localDay(within.from); day <= p.localDay(within.to-1); day++ {
			if p.whereabouts(day) == s {
				visit(p, day, w.track(p, day))
			} else if w.Config.MovesPercent > 0 && !p.AtHome {
				visit(p, day, w.track(p, day))
			}
		}
	}
}

// ceilSecond is the first whole second not before t.
func ceilSecond(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
