package world

import (
	"net/netip"
	"slices"
	"time"
)

const (
	daySeconds = 86_400
	// turnover is the local hour at which a person's day begins: whereabouts and
	// addresses change then, so nobody is on a network across it.
	turnover = 4 * 3600
	// aroundMeeting is the longest that somebody is on the network before or after a
	// meeting because of it.
	aroundMeeting = 15 * 60
)

// span is [from, to) in Unix seconds.
type span struct{ from, to int64 }

func (s span) overlaps(o span) bool { return s.from < o.to && o.from < s.to }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// localDay numbers the days of a person, from turnover to turnover at their desk.
func (p *Person) localDay(unix int64) int64 {
	return floorDiv(unix+p.Site.offset-turnover, daySeconds)
}

func (p *Person) daySpan(day int64) span {
	from := day*daySeconds - p.Site.offset + turnover
	return span{from, from + daySeconds}
}

// whereabouts is the site a person is at on a local day; nil for home workers.
func (p *Person) whereabouts(day int64) *Site {
	if p.AtHome {
		return nil
	}
	draw := hash(p.key, saltWhere, uint64(day))
	if sites := p.Org.Sites; len(sites) > 1 && unit(draw) < 0.06 {
		return pick(mix(draw+1), sites)
	}
	return p.Site
}

// docked reports whether a person works on their dock on a local day.
func (p *Person) docked(day int64) bool {
	return len(p.Clients) > 1 && p.Clients[1].Wired && unit(hash(p.key, saltDocked, uint64(day))) < 0.7
}

// on reports whether a client is switched on while its owner is present: a dock is
// only while it is used.
func (c *Client) on(day int64) bool { return !c.Wired || c.Person.docked(day) }

// address is the lease of a client at a site on a local day. Residents share a pool
// in which addresses wander from one to the next; visitors, whose days turn over at
// other hours, have one each.
func (c *Client) address(site *Site, day int64) netip.Addr {
	const firstHost = 10
	n := c.pool[site]
	size := site.residents + site.residents/4 + 8
	if n >= site.residents {
		return addAddr(site.Subnet.Addr(), firstHost+size+n-site.residents)
	}
	step := int64(hash(site.key, saltAddress) % uint64(size))
	slot := (int64(n) + (day%int64(size))*step) % int64(size)
	if slot < 0 {
		slot += int64(size)
	}
	return addAddr(site.Subnet.Addr(), firstHost+int(slot))
}

type personDay struct {
	person int
	day    int64
}

// track is where a person's clients are during one local day.
type track struct {
	site     *Site
	present  []span
	sessions [][]Session // of each client of the person; empty for wired ones
}

func (t *track) presentAt(unix int64) (span, bool) {
	for _, s := range t.present {
		if s.from <= unix && unix < s.to {
			return s, true
		}
	}
	return span{}, false
}

func (w *World) track(p *Person, day int64) *track {
	return w.tracks.get(personDay{p.index, day}, func() *track { return w.newTrack(p, day) })
}

func (w *World) newTrack(p *Person, day int64) *track {
	t := &track{site: p.whereabouts(day), sessions: make([][]Session, len(p.Clients))}
	if t.site == nil {
		return t
	}
	t.present = w.presence(p, day)
	for i, c := range p.Clients {
		if c.Wired {
			continue
		}
		for _, s := range t.present {
			t.sessions[i] = append(t.sessions[i], c.sessions(t.site, day, s)...)
		}
	}
	return t
}

// presence is when a person is on the network: during their working hours on most
// days, and around every meeting they attend from the office.
func (w *World) presence(p *Person, day int64) []span {
	whole := p.daySpan(day)
	var spans []span
	s := newDraws(p.key, saltWork, uint64(day))
	if s.chance(0.85) {
		midnight := whole.from - turnover
		spans = append(spans, span{
			midnight + 8*3600 + int64(s.between(-3600, 4500)),
			midnight + 17*3600 + int64(s.between(-3600, 5400)),
		})
	}
	for utc := floorDiv(whole.from, daySeconds) - 1; utc <= floorDiv(whole.to, daySeconds); utc++ {
		for _, leg := range w.day(p.Account, utc).legs[p] {
			join, leave := leg.JoinAt.Unix(), leg.LeaveAt.Unix()
			if leg.Site == nil || p.localDay(join) != day {
				continue
			}
			before := int64(60 + leg.key%uint64(aroundMeeting-60))
			after := int64(60 + (leg.key>>20)%uint64(aroundMeeting-60))
			spans = append(spans, span{join - before, leave + after})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	var merged []span
	for _, s := range spans {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to+60 {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

func unixTime(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
