package correlate

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

const (
	// handover is how long two places may claim one client at once: looks at them are a
	// minute or two apart.
	handover = int64(2 * time.Minute / time.Microsecond)
	// gap is how long a client may be out of sight and still count as there: polls fail,
	// devices sleep, and wired clients are noticed late.
	gap = int64(5 * time.Minute / time.Microsecond)
)

// piece is an interval in which a leg was a client at a site.
type piece struct {
	mac        macaddr.Addr
	site       uuid.UUID
	from, to   int64
	rule       Rule
	confidence float64
	reason     Reason
}

// candidate is the time that a lease and a leg share, if any.
func (m *Matcher) candidate(lease int32, leg Leg) (candidate, bool) {
	l := &m.leases[lease]
	c := candidate{
		lease: lease,
		from:  max(l.From.UnixMicro(), leg.JoinAt.UnixMicro()), to: min(l.To.UnixMicro(), leg.LeaveAt.UnixMicro()),
	}
	return c, c.from < c.to
}

// one leaves the candidates of one device, and reports whether they are: where there are
// several clients, the leg's name chooses among them, and where that leaves several at
// once, its medium.
func (m *Matcher) one(found []candidate, leg Leg) ([]candidate, bool) {
	if !m.single(found) {
		if name := hostname(leg.Hostname); name != "" {
			found = prefer(found, func(c candidate) bool { return hostname(m.leases[c.lease].Hostname) == name })
		}
		if !m.inTurn(found) && (leg.Medium == MediumWired || leg.Medium == MediumWireless) {
			found = prefer(found, func(c candidate) bool { return leg.Medium.is(m.leases[c.lease].Wired) })
		}
	}
	return found, m.inTurn(found) && m.oneSite(found)
}

// inTurn reports whether all candidates may be one device: one client, or several that
// follow one another, each found by something else. An address that went from one client
// to another is not a device that did.
func (m *Matcher) inTurn(found []candidate) bool {
	if m.single(found) {
		return true
	}
	for i, a := range found {
		for _, b := range found[i+1:] {
			if m.leases[a.lease].MAC == m.leases[b.lease].MAC {
				continue
			}
			if a.fact != "" && a.fact == b.fact || min(a.to, b.to)-max(a.from, b.from) > handover {
				return false
			}
		}
	}
	return true
}

// prefer leaves the candidates that fit, or all where none does.
func prefer(found []candidate, fits func(candidate) bool) []candidate {
	fitting := make([]candidate, 0, len(found))
	for _, c := range found {
		if fits(c) {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) == 0 {
		return found
	}
	return fitting
}

// single reports whether all candidates are one client.
func (m *Matcher) single(found []candidate) bool {
	return !slices.ContainsFunc(found[1:], func(c candidate) bool { return m.leases[c.lease].MAC != m.leases[found[0].lease].MAC })
}

// oneSite reports whether no two sites claim one client at once, on equal evidence.
func (m *Matcher) oneSite(found []candidate) bool {
	for i, a := range found {
		for _, b := range found[i+1:] {
			x, y := &m.leases[a.lease], &m.leases[b.lease]
			if x.MAC == y.MAC && x.SiteID != y.SiteID && x.Source.rank() == y.Source.rank() && min(a.to, b.to)-max(a.from, b.from) > handover {
				return false
			}
		}
	}
	return true
}

// pieces puts candidates in order of time. Where several cover a moment, the one whose
// times are known best decides the place; all of a client at a site bear it out.
func (m *Matcher) pieces(name Rule, found []candidate) []piece {
	spans := make([]span, len(found))
	for i, c := range found {
		spans[i] = span{from: c.from, to: c.to, rank: m.leases[c.lease].Source.rank(), row: int32(i)}
	}
	line := newTimeline(spans)
	var list []piece
	for i, row := range line.row {
		if row == None {
			continue
		}
		c := found[row]
		l := &m.leases[c.lease]
		p := piece{l.MAC, l.SiteID, line.at[i], line.at[i+1], name, c.confidence, c.reason}
		for _, other := range found {
			if o := &m.leases[other.lease]; o.MAC == p.mac && o.SiteID == p.site && other.confidence > p.confidence {
				p.confidence, p.reason = other.confidence, other.reason
			}
		}
		if last := len(list) - 1; last >= 0 && list[last].mac == p.mac && list[last].site == p.site && p.from-list[last].to <= gap {
			list[last].to = p.to
			continue
		}
		list = append(list, p)
	}
	return list
}

// bridge asks the weaker rules where the leg was while the client that a stronger one
// found was long out of sight: undocked, say. They are asked for that time only, and
// where they know nothing, or not one thing, it counts as where it was last.
func (m *Matcher) bridge(pieces []piece, leg Leg, weaker []rule) []piece {
	if len(weaker) == 0 {
		return pieces
	}
	var more []piece
	for _, away := range absences(pieces, leg) {
		more = append(more, m.meanwhile(leg, away.from, away.to, weaker)...)
	}
	pieces = append(pieces, more...)
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	return pieces
}

// absences are when the client of a leg was long out of sight.
func absences(pieces []piece, leg Leg) (away []span) {
	at := leg.JoinAt.UnixMicro()
	for i := range len(pieces) + 1 {
		until := leg.LeaveAt.UnixMicro()
		if i < len(pieces) {
			until = pieces[i].from
		}
		if until-at > gap {
			away = append(away, span{from: at, to: until})
		}
		if i < len(pieces) {
			at = pieces[i].to
		}
	}
	return away
}

func (m *Matcher) meanwhile(leg Leg, from, to int64, rules []rule) []piece {
	leg.JoinAt, leg.LeaveAt = time.UnixMicro(from).UTC(), time.UnixMicro(to).UTC()
	for _, rule := range rules {
		found := rule.find(m, leg)
		if len(found) == 0 {
			continue
		}
		if found, sure := m.one(found, leg); sure {
			return m.pieces(rule.name, found)
		}
		return nil
	}
	return nil
}

// matched makes a match of pieces in order of time: each lasts until the next begins, the
// first from the beginning and the last to the end.
func (m *Matcher) matched(leg Leg, pieces []piece) Match {
	match := Match{LegID: leg.ID}
	lasted := make(map[piece]int64, 1)
	longest := int64(-1)
	for i, p := range pieces {
		s := Stay{MAC: p.mac, SiteID: p.site, JoinAt: time.UnixMicro(p.from).UTC(), LeaveAt: leg.LeaveAt}
		if i == 0 {
			s.JoinAt = leg.JoinAt
		}
		if i+1 < len(pieces) {
			s.LeaveAt = time.UnixMicro(pieces[i+1].from).UTC()
		}
		if last := len(match.Stays) - 1; last >= 0 && match.Stays[last].MAC == s.MAC && match.Stays[last].SiteID == s.SiteID {
			match.Stays[last].LeaveAt = s.LeaveAt
		} else {
			match.Stays = append(match.Stays, s)
		}
		kind := p
		kind.from, kind.to = 0, 0
		lasted[kind] += p.to - p.from
		if lasted[kind] > longest {
			longest = lasted[kind]
			match.MAC, match.SiteID, match.Rule, match.Confidence, match.Reason = p.mac, p.site, p.rule, p.confidence, p.reason
		}
	}
	return match
}
