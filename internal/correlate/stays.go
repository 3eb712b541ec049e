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
	// gap is how long a client may be out of sight and still count as there: it is looked
	// for every minute or two, and a wired client is known by when it was last seen.
	gap = handover
	// blink is how long, where the network itself dates when it came and went: clocks differ
	// by seconds, and so long joining again takes.
	blink = int64(30 * time.Second / time.Microsecond)
)

// piece is an interval in which a leg was a client at a site.
type piece struct {
	mac        macaddr.Addr
	site       uuid.UUID
	from, to   int64
	came, went bool // whether the network itself dates from, and to
	rule       Rule
	confidence float64
	reason     Reason
}

// kind is a piece whatever its time.
func (p piece) kind() piece {
	p.from, p.to, p.came, p.went = 0, 0, false, false
	return p
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
		exact := l.Source.rank() == 0
		p := piece{
			mac: l.MAC, site: l.SiteID, from: line.at[i], to: line.at[i+1],
			came: exact && line.at[i] == c.from, went: exact && line.at[i+1] == c.to,
			rule: name, confidence: c.confidence, reason: c.reason,
		}
		for _, other := range found {
			if o := &m.leases[other.lease]; o.MAC == p.mac && o.SiteID == p.site && other.confidence > p.confidence {
				p.confidence, p.reason = other.confidence, other.reason
			}
		}
		if last := len(list) - 1; last >= 0 && list[last].mac == p.mac && list[last].site == p.site && p.from-list[last].to <= patience(list[last].went, p.came) {
			list[last].to, list[last].went = p.to, p.went
			continue
		}
		list = append(list, p)
	}
	return list
}

// patience is how long a client may be out of sight and still count as there. It is short
// where the network says that the client went, or that it came.
func patience(went, came bool) int64 {
	if went || came {
		return blink
	}
	return gap
}

// bridge looks for where the leg was while the client that was found was out of sight: at
// another site, or undocked, on another adapter of the same machine. Where nothing tells, it
// was on no network of the org.
func (m *Matcher) bridge(pieces []piece, found []candidate, leg Leg) []piece {
	away := absences(pieces, leg)
	if len(away) == 0 {
		return pieces
	}
	for _, a := range away {
		pieces = append(pieces, m.meanwhile(found, leg, a)...)
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	return pieces
}

// absences are when the client of a leg was out of sight for longer than it may be.
func absences(pieces []piece, leg Leg) (away []span) {
	at, went := leg.JoinAt.UnixMicro(), false
	for i := range len(pieces) + 1 {
		until, came := leg.LeaveAt.UnixMicro(), false
		if i < len(pieces) {
			until, came = pieces[i].from, pieces[i].came
		}
		if until-at > patience(went, came) {
			away = append(away, span{from: at, to: until})
		}
		if i < len(pieces) {
			at, went = pieces[i].to, pieces[i].went
		}
	}
	return away
}

// meanwhile finds the device of a leg while the client that it was found as is out of sight.
// The addresses that Zoom shows are of one moment of the leg, and this may be another; what
// stays is the device: first the same client anywhere, then another one that had another of
// the leg's addresses, then one of its name, if people gave it.
func (m *Matcher) meanwhile(found []candidate, leg Leg, away span) []piece {
	leg.JoinAt, leg.LeaveAt = time.UnixMicro(away.from).UTC(), time.UnixMicro(away.to).UTC()
	var same []candidate
	for i, c := range found {
		mac := m.leases[c.lease].MAC
		if slices.ContainsFunc(found[:i], func(o candidate) bool { return m.leases[o.lease].MAC == mac }) {
			continue
		}
		for _, lease := range m.byMAC[mac] {
			if elsewhere, ok := m.candidate(lease, leg); ok {
				elsewhere.confidence, elsewhere.reason = c.confidence, c.reason
				same = append(same, elsewhere)
			}
		}
	}
	if len(same) > 0 {
		if !m.inTurn(same) || !m.oneSite(same) {
			return nil
		}
		return m.pieces(m.ruleOf(same[0].reason), same)
	}
	// An address that the client had tells of nobody else.
	others := slices.DeleteFunc(m.byPrivateAddress(leg), func(c candidate) bool {
		return slices.ContainsFunc(found, func(f candidate) bool { return m.leases[f.lease].IP.Unmap() == m.leases[c.lease].IP.Unmap() })
	})
	rule := RulePrivateIP
	if len(others) == 0 {
		others, rule = m.byOwnName(leg), RuleHostname
	}
	if len(others) == 0 || !m.inTurn(others) || !m.oneSite(others) {
		return nil
	}
	return m.pieces(rule, others)
}

// ruleOf is the rule that gives a reason.
func (m *Matcher) ruleOf(reason Reason) Rule {
	switch reason {
	case ReasonMAC, ReasonMACAndAddress:
		return RuleMAC
	case ReasonPublicIP, ReasonSubnet:
		return RulePrivateIP
	case ReasonHostname, ReasonHostnameAtSite:
		return RuleHostname
	}
	return RulePublicIP
}

// byOwnName finds clients of the leg's name wherever they are, if people gave it.
func (m *Matcher) byOwnName(leg Leg) (found []candidate) {
	name := hostname(leg.Hostname)
	if name == "" || leg.Guest || given(name) {
		return nil
	}
	for _, i := range m.byName[name] {
		if c, ok := m.candidate(i, leg); ok && !anotherDevice(m.leases[i], leg) {
			c.confidence, c.reason = confidenceHostname, ReasonHostname
			found = append(found, c)
		}
	}
	return found
}

// wired puts a leg on the wire for the time that its machine is plugged in, where that is a
// part of the leg: operating systems prefer the wire, whatever adapter was in use at the
// moment of which Zoom shows one. Of a machine that is plugged in all the time that moment
// is one of these, and what Zoom shows counts.
func (m *Matcher) wired(pieces []piece, leg Leg) []piece {
	var plugged []candidate
	for _, c := range m.byOwnName(leg) {
		if l := &m.leases[c.lease]; l.Wired {
			plugged = append(plugged, c)
		}
	}
	if len(plugged) == 0 || !m.single(plugged) {
		return pieces
	}
	wire := m.pieces(RuleHostname, plugged)
	if len(absences(wire, leg)) == 0 {
		return pieces
	}
	for _, w := range wire {
		var next []piece
		for _, p := range pieces {
			if p.mac == w.mac || p.site != w.site || p.to <= w.from || w.to <= p.from {
				next = append(next, p)
				continue
			}
			if p.from < w.from {
				before := p
				before.to, before.went = w.from, false
				next = append(next, before)
			}
			on := w
			on.from, on.to = max(p.from, w.from), min(p.to, w.to)
			next = append(next, on)
			if w.to < p.to {
				after := p
				after.from, after.came = w.to, false
				next = append(next, after)
			}
		}
		pieces = next
	}
	return pieces
}

// matched makes a match of pieces in order of time: each lasts until the next begins, unless
// the leg was away in between.
func (m *Matcher) matched(leg Leg, pieces []piece) Match {
	match := Match{LegID: leg.ID}
	lasted := make(map[piece]int64, 1)
	longest := int64(-1)
	away := absences(pieces, leg)
	for i, p := range pieces {
		s := Stay{MAC: p.mac, SiteID: p.site, JoinAt: time.UnixMicro(p.from).UTC(), LeaveAt: leg.LeaveAt}
		if i == 0 {
			s.JoinAt = leg.JoinAt
		}
		if i+1 < len(pieces) {
			s.LeaveAt = time.UnixMicro(pieces[i+1].from).UTC()
		}
		for _, a := range away {
			if a.from == p.to {
				s.LeaveAt = time.UnixMicro(p.to).UTC()
			}
			if a.to == p.from {
				s.JoinAt = time.UnixMicro(p.from).UTC()
			}
		}
		if last := len(match.Stays) - 1; last >= 0 && match.Stays[last].MAC == s.MAC && match.Stays[last].SiteID == s.SiteID && match.Stays[last].LeaveAt.Equal(s.JoinAt) {
			match.Stays[last].LeaveAt = s.LeaveAt
		} else {
			match.Stays = append(match.Stays, s)
		}
		kind := p.kind()
		lasted[kind] += p.to - p.from
		if lasted[kind] > longest {
			longest = lasted[kind]
			match.MAC, match.SiteID, match.Rule, match.Confidence, match.Reason = p.mac, p.site, p.rule, p.confidence, p.reason
		}
	}
	return match
}
