package correlate

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// Rule is how a leg was recognised.
type Rule string

// The rules, the surest first.
const (
	RuleMAC       Rule = "mac"
	RulePrivateIP Rule = "private_ip"
)

// Reason says why a leg was matched, or why not.
type Reason string

// The reasons. The first four are of matches.
const (
	ReasonMAC           Reason = "mac"              // the leg's hardware address had a lease then
	ReasonMACAndAddress Reason = "mac_and_address"  // and the lease had one of the leg's addresses
	ReasonPublicIP      Reason = "public_ip_allows" // the private address, at the site the public one belongs to
	ReasonSubnet        Reason = "subnet_allows"    // the private address, within a subnet of a site without known public address
	ReasonAmbiguous     Reason = "ambiguous"        // two clients fit equally well: no match
	ReasonNoLease       Reason = "no_lease"         // no lease fits: on no network of this org
)

// Match is the network client a leg was.
type Match struct {
	LegID      int64
	MAC        macaddr.Addr
	SiteID     uuid.UUID
	Rule       Rule
	Confidence float64 // (0, 1]
	Reason     Reason
}

// Matcher recognises legs among the leases of one org. Safe for concurrent use.
type Matcher struct {
	sites  []Site
	leases []Lease
	byMAC  map[macaddr.Addr][]int32
	byIP   map[netip.Addr][]int32
	rules  []rule
}

// rule proposes the clients that a leg may have been; no candidate leaves the leg to
// the next rule.
type rule struct {
	name Rule
	find func(*Matcher, Leg) []candidate
}

type candidate struct {
	mac        macaddr.Addr
	site       uuid.UUID
	overlap    time.Duration // of lease and leg
	confidence float64
	reason     Reason
}

// NewMatcher indexes the sites and leases of one org. The leases may be in any order
// and may overlap; it keeps the slices.
func NewMatcher(sites []Site, leases []Lease) *Matcher {
	m := &Matcher{
		sites:  sites,
		leases: leases,
		byMAC:  make(map[macaddr.Addr][]int32, len(leases)),
		byIP:   make(map[netip.Addr][]int32, len(leases)),
		rules:  []rule{{RuleMAC, (*Matcher).byHardwareAddress}, {RulePrivateIP, (*Matcher).byPrivateAddress}},
	}
	for i, lease := range leases {
		if !lease.From.Before(lease.To) || lease.MAC.IsZero() {
			continue
		}
		m.byMAC[lease.MAC] = append(m.byMAC[lease.MAC], int32(i))
		if lease.IP.IsValid() {
			ip := lease.IP.Unmap()
			m.byIP[ip] = append(m.byIP[ip], int32(i))
		}
	}
	return m
}

// Match returns the client that the leg was, by the first rule that knows one. Where a
// rule knows several clients, or one client at several sites equally long, the leg is
// not matched at all: a weaker rule must not decide what a stronger one left open.
// Without a match only LegID and Reason are set.
func (m *Matcher) Match(leg Leg) (Match, bool) {
	for _, rule := range m.rules {
		found := merge(rule.find(m, leg))
		if len(found) == 0 {
			continue
		}
		best, sure := longest(found)
		if !sure {
			return Match{LegID: leg.ID, Reason: ReasonAmbiguous}, false
		}
		return Match{
			LegID: leg.ID, MAC: best.mac, SiteID: best.site,
			Rule: rule.name, Confidence: best.confidence, Reason: best.reason,
		}, true
	}
	return Match{LegID: leg.ID, Reason: ReasonNoLease}, false
}

// merge makes one of the candidates that are the same client at the same site: its
// longest overlap and its best evidence.
func merge(found []candidate) []candidate {
	merged := found[:0]
	for _, c := range found {
		at := slices.IndexFunc(merged, func(other candidate) bool { return other.mac == c.mac && other.site == c.site })
		if at < 0 {
			merged = append(merged, c)
			continue
		}
		merged[at].overlap = max(merged[at].overlap, c.overlap)
		if c.confidence > merged[at].confidence {
			merged[at].confidence, merged[at].reason = c.confidence, c.reason
		}
	}
	return merged
}

// longest returns the site where a single client was longest. It is not sure when the
// candidates are several clients, or two sites come out even.
func longest(found []candidate) (candidate, bool) {
	best, even := found[0], false
	for _, c := range found[1:] {
		if c.mac != best.mac {
			return candidate{}, false
		}
		switch {
		case c.overlap > best.overlap:
			best, even = c, false
		case c.overlap == best.overlap:
			even = true
		}
	}
	return best, !even
}

// overlap is how long the lease and the leg have in common.
func overlap(lease Lease, leg Leg) time.Duration {
	from, to := lease.From, lease.To
	if leg.JoinAt.After(from) {
		from = leg.JoinAt
	}
	if leg.LeaveAt.Before(to) {
		to = leg.LeaveAt
	}
	return to.Sub(from)
}
