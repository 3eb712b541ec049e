package world

import (
	"cmp"
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

// visit is a time on the network of a site.
type visit struct {
	span
	site *Site
}

// track is where a person's clients are during one local day.
type track struct {
	present  []visit     // of the person, by time
	on       [][]visit   // of each client of the person
	unplug   []span      // when the dock that is used that day is not, because of a move
	sessions [][]Session // of each client; empty for wired ones
}

// onAt is where a client is at a moment, by its number.
func (t *track) onAt(client int, unix int64) (visit, bool) {
	for _, v := range t.on[client] {
		if v.from <= unix && unix < v.to {
			return v, true
		}
	}
	return visit{}, false
}

// at is the time from when the person first is at a site that day until they last are.
func (t *track) at(s *Site) (whole span, ever bool) {
	for _, v := range t.present {
		if v.site != s {
			continue
		}
		if !ever {
			whole.from = v.from
		}
		whole.to, ever = v.to, true
	}
	return whole, ever
}

func (w *World) track(p *Person, day int64) *track {
	return w.tracks.get(personDay{p.index, day}, func() *track { return w.newTrack(p, day) })
}

func (w *World) newTrack(p *Person, day int64) *track {
	t := &track{on: make([][]visit, len(p.Clients)), sessions: make([][]Session, len(p.Clients))}
	site := p.whereabouts(day)
	if site == nil {
		return t
	}
	spans := w.presence(p, day)
	away := w.away(p, day, site)
	for _, s := range without(spans, away.desk) {
		t.present = append(t.present, visit{s, site})
	}
	t.unplug = append(slices.Clone(away.desk), away.dock...)
	t.present = append(t.present, away.visits...)
	slices.SortFunc(t.present, func(a, b visit) int { return cmp.Compare(a.from, b.from) })
	for i, c := range p.Clients {
		if c.Wired {
			for _, s := range without(spans, t.unplug) {
				t.on[i] = append(t.on[i], visit{s, site})
			}
			continue
		}
		t.on[i] = t.present
		for _, v := range t.present {
			t.sessions[i] = append(t.sessions[i], c.sessions(v.site, day, v.span)...)
		}
	}
	return t
}

// presence is when a person is on the network, but for moves: during their working hours on
// most days, and around every meeting they attend from the office.
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
			if !leg.onNetwork() || p.localDay(join) != day {
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
