package collect

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/network"
	"callweave/internal/store"
)

// searchWindow is how much of the past one search covers: the narrower, the fewer
// clients have several addresses in it, and the less is held in memory.
const searchWindow = time.Hour

// past reads what happened since the last poll: every poll the finished sessions and
// the wired clients, and after a gap also the coarse histories. The last hour goes into
// the landing of the poll; older ones land by themselves, since they complete nothing
// and can be repeated.
func (p *poll) past(landing *store.DeviceLanding, sites []network.Site, present network.Devices) error {
	from := p.last.PolledAt.Add(-reread)
	if earliest := p.now.Add(-p.cfg.Lookback); from.Before(earliest) {
		from = earliest
	}
	gap := p.now.Sub(p.last.PolledAt) > 3*p.cadence.Every
	places := places{} // of wireless clients
	for from.Before(p.now) {
		to := from.Add(searchWindow)
		// A short rest is not worth searches of its own.
		if to.Add(searchWindow / 2).After(p.now) {
			to = p.now
		}
		piece := &store.DeviceLanding{OrgID: p.org}
		if to.Equal(p.now) {
			piece = landing
		}
		// Sessions that end while we read are of the next poll, which reads again.
		if err := p.searched(piece, sites, from, to, places); err != nil {
			return err
		}
		if piece != landing {
			if err := p.land(*piece); err != nil {
				return err
			}
		}
		from = to
	}
	if !gap {
		return nil
	}
	p.next.Past = nil
	return p.histories(sites, present, places)
}

// searched reads the sessions and sightings of a window.
func (p *poll) searched(landing *store.DeviceLanding, sites []network.Site, from, to time.Time, places places) error {
	var sessions []network.Session
	for session, err := range p.source.Sessions(p.ctx, from, to) {
		if err != nil {
			return fmt.Errorf("read sessions: %w", err)
		}
		sessions = append(sessions, session)
		places.add(session.MAC, place{session.SiteID, session.From, session.To})
	}
	var sightings []network.Sighting
	for sighting, err := range p.source.Sightings(p.ctx, from, to) {
		if err != nil {
			return fmt.Errorf("read sightings: %w", err)
		}
		sightings = append(sightings, sighting)
		if !sighting.Wired && sighting.LastSiteID != uuid.Nil {
			places.add(sighting.MAC, place{site: sighting.LastSiteID})
		}
	}
	for _, lease := range network.PastLeases(sites, sessions, sightings) {
		source := correlate.SourceSession
		if lease.Wired {
			source = correlate.SourceSearch
		}
		if err := p.addLease(landing, source, lease); err != nil {
			return err
		}
	}
	p.progress()
	return nil
}

// histories reads the coarse history of uplinks, radios and clients, in this order, as
// far as the request budget goes. They are a help, not a condition: what is missing is
// unknown later, and why is shown. Nothing but our context and our database fails.
func (p *poll) histories(sites []network.Site, present network.Devices, places places) error {
	budget, err := p.source.Budget(p.ctx)
	if err != nil {
		return p.without(fmt.Errorf("read budget: %w", err))
	}
	p.next.Limit, p.next.Period = budget.Limit, budget.Period
	from := p.now.Add(-p.cfg.Lookback)
	if p.last.PolledAt.After(from) {
		from = p.last.PolledAt
	}
	h := history{poll: p, from: from, enough: p.source.Requests() + budget.Limit - budget.Used - p.reserved()}
	for _, site := range sites {
		samples, err := read(&h, "uplink", &h.noWAN, func() ([]network.WANSample, error) {
			return p.source.PastWAN(p.ctx, site.ID, from, p.now)
		})
		if err != nil {
			return err
		}
		for _, sample := range samples {
			h.piece.WANs = append(h.piece.WANs, wanRow(p.org, sample))
		}
	}
	for _, radio := range present.Radios {
		samples, err := read(&h, "radio", &h.noRadio, func() ([]network.RadioSample, error) {
			return p.source.PastRadio(p.ctx, radio.SiteID, radio.DeviceMAC, radio.Band, from, p.now)
		})
		if err != nil {
			return err
		}
		for _, sample := range samples {
			h.piece.Radios = append(h.piece.Radios, radioRow(p.org, sample))
		}
	}
	// Those who are connected still are in no finished session.
	for key, track := range p.next.tracks {
		if len(places[key.mac]) > 0 && !key.wired {
			places.add(key.mac, place{track.Lease.SiteID, track.Lease.From, p.now})
		}
	}
	for mac, at := range places {
		for _, site := range at.sites() {
			samples, err := read(&h, "client", &h.noClient, func() ([]network.ClientSample, error) {
				return p.source.PastClient(p.ctx, site, mac, from, p.now)
			})
			if err != nil {
				return err
			}
			for _, sample := range samples {
				if !at.elsewhere(site, sample) {
					h.piece.Clients = append(h.piece.Clients, clientRow(p.org, sample))
				}
			}
		}
	}
	return h.land(0)
}

// reserved is how many requests a period of polls takes: histories leave these.
func (p *poll) reserved() int {
	every := p.next.interval(p.cfg)
	return int(p.next.Period/every+1) * p.next.Requests
}

// history is the state of reading histories.
type history struct {
	*poll
	from                     time.Time
	enough                   int // requests after which it stops
	noWAN, noRadio, noClient bool
	piece                    store.DeviceLanding
}

// read reads one history, unless the network offers none of its kind, failed to give one,
// or the budget is spent. A device that is gone has none.
func read[S any](h *history, kind string, none *bool, one func() ([]S, error)) ([]S, error) {
	const rows = 5000
	if *none || h.source.Requests() >= h.enough {
		return nil, nil
	}
	if err := h.land(rows); err != nil {
		return nil, err
	}
	samples, err := one()
	class, _ := network.ClassOf(err)
	switch {
	case errors.Is(err, network.ErrNotOffered):
		*none = true
		return nil, nil
	case class == network.NotFound:
		return nil, nil
	case err != nil:
		*none = true // the others of its kind would fare no better
		return nil, h.without(fmt.Errorf("read history of %s: %w", kind, err))
	}
	h.progress()
	return samples, nil
}

// without goes on without a history where the network is to blame, and shows why.
func (p *poll) without(err error) error {
	class, _ := network.ClassOf(err)
	if class == "" {
		return err
	}
	p.next.Past = &pastProblem{At: p.now, Text: explainPast(class)}
	p.progress()
	return nil
}

// land stores what was read once it is more than some rows.
func (h *history) land(more int) error {
	if len(h.piece.WANs)+len(h.piece.Radios)+len(h.piece.Clients) <= more {
		return nil
	}
	h.piece.OrgID = h.org
	err := h.poll.land(h.piece)
	h.piece = store.DeviceLanding{}
	return err
}
