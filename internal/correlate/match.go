package correlate

import (
	"net/netip"
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
	RuleHostname  Rule = "hostname"
	RulePublicIP  Rule = "public_ip" // tells the site and no client
)

// Reason says why a leg was matched, or why not.
type Reason string

// The reasons. All but the last two are of matches.
const (
	ReasonMAC            Reason = "mac"               // the leg's hardware address had a lease then
	ReasonMACAndAddress  Reason = "mac_and_address"   // and the lease had one of the leg's addresses
	ReasonPublicIP       Reason = "public_ip_allows"  // the private address, at the site the public one belongs to
	ReasonSubnet         Reason = "subnet_allows"     // the private address, within a subnet of a site without known public address
	ReasonHostnameAtSite Reason = "hostname_at_site"  // a client of this name, at the site the public address belongs to
	ReasonHostname       Reason = "hostname"          // the only client of this name; the public address is of no site: a tunnel's
	ReasonSite           Reason = "public_ip_of_site" // the public address is the site's, no client is known
	ReasonAmbiguous      Reason = "ambiguous"         // two clients fit equally well: no match
	ReasonNoLease        Reason = "no_lease"          // nothing fits: on no network of this org
)

// Match is the network client a leg was, and where.
type Match struct {
	LegID      int64
	MAC        macaddr.Addr // zero where only the site is known
	SiteID     uuid.UUID
	Rule       Rule
	Confidence float64 // (0, 1]
	Reason     Reason
	// Stays are where the leg was, in order of time. Several, where it moved to another site
	// or its device to another adapter; MAC, SiteID and how it was recognised are those of the
	// longest. In what they leave of the leg it was on no network of the org.
	Stays []Stay
}

// Stay is an interval of a leg as one client at one site.
type Stay struct {
	MAC             macaddr.Addr // zero where only the site is known
	SiteID          uuid.UUID
	JoinAt, LeaveAt time.Time
}

// Matcher recognises legs among the leases of one org. Safe for concurrent use.
type Matcher struct {
	sites    []Site
	siteByID map[uuid.UUID]int
	public   map[netip.Addr][]int // sites that the internet sees under an address
	leases   []Lease
	byMAC    map[macaddr.Addr][]int32
	byIP     map[netip.Addr][]int32
	byName   map[string][]int32
	nearby   map[neighbourhood]bool
	rules    []rule
}

// neighbourhood is where leases of a site lie.
type neighbourhood struct {
	site   uuid.UUID
	prefix netip.Prefix
}

// rule proposes the clients that a leg may have been; no candidate leaves the leg to
// the next rule.
type rule struct {
	name Rule
	find func(*Matcher, Leg) []candidate
}

// candidate is a lease that a leg may have had for the time both share.
type candidate struct {
	lease      int32
	from, to   int64  // of what lease and leg share, in microseconds since 1970
	fact       string // of the leg: by what it was found, "" for what is unique to a device
	confidence float64
	reason     Reason
}

// NewMatcher indexes the sites and leases of one org. The leases may be in any order
// and may overlap; it keeps the slices.
func NewMatcher(sites []Site, leases []Lease) *Matcher {
	m := &Matcher{
		sites:    sites,
		siteByID: make(map[uuid.UUID]int, len(sites)),
		public:   make(map[netip.Addr][]int),
		leases:   leases,
		byMAC:    make(map[macaddr.Addr][]int32),
		byIP:     make(map[netip.Addr][]int32),
		byName:   make(map[string][]int32),
		nearby:   make(map[neighbourhood]bool),
		rules: []rule{
			{RuleMAC, (*Matcher).byHardwareAddress},
			{RulePrivateIP, (*Matcher).byPrivateAddress},
			{RuleHostname, (*Matcher).byHostname},
		},
	}
	for i, site := range sites {
		m.siteByID[site.ID] = i
		for _, ip := range site.PublicIPs {
			m.public[ip.Unmap()] = append(m.public[ip.Unmap()], i)
		}
	}
	for i, lease := range leases {
		if !lease.From.Before(lease.To) || lease.MAC.IsZero() {
			continue
		}
		m.byMAC[lease.MAC] = append(m.byMAC[lease.MAC], int32(i))
		if lease.IP.IsValid() {
			ip := lease.IP.Unmap()
			m.byIP[ip] = append(m.byIP[ip], int32(i))
			m.nearby[neighbourhood{lease.SiteID, around(ip)}] = true
		}
		if name := hostname(lease.Hostname); name != "" {
			m.byName[name] = append(m.byName[name], int32(i))
		}
	}
	return m
}

// Match returns what the leg was, by the first rule that knows a client, else by its
// public address, which tells only the site. Where a rule knows several clients at once,
// the leg is not matched at all: a weaker rule must not decide what a stronger one left
// open. Without a match only LegID and Reason are set.
func (m *Matcher) Match(leg Leg) (Match, bool) {
	outside := leg.Medium == MediumCellular && len(m.public[leg.PublicIP.Unmap()]) == 0
	for _, rule := range m.rules {
		if outside && rule.name != RuleHostname {
			continue
		}
		found := rule.find(m, leg)
		if len(found) == 0 {
			continue
		}
		found, sure := m.one(found, leg)
		if !sure {
			return Match{LegID: leg.ID, Reason: ReasonAmbiguous}, false
		}
		pieces := m.pieces(rule.name, found)
		// Who was on a cellular network at some time can have been here at another, not
		// all the time.
		if outside && len(absences(pieces, leg)) == 0 {
			break
		}
		return m.matched(leg, m.wired(m.bridge(pieces, found, leg), leg)), true
	}
	if outside {
		return Match{LegID: leg.ID, Reason: ReasonNoLease}, false
	}
	return m.bySite(leg)
}

// Settled reports whether a leg's match is the same whatever other leases there are, when
// the matcher has all leases of the leg's hardware address and private addresses, and of
// the clients that had these, and those leases of wired clients that begin or end within
// the leg.
func (m *Matcher) Settled(leg Leg) bool {
	atSite := len(m.public[leg.PublicIP.Unmap()]) > 0
	outside := leg.Medium == MediumCellular && !atSite
	for _, rule := range m.rules {
		if rule.name == RuleHostname || outside {
			break
		}
		found := rule.find(m, leg)
		if len(found) == 0 {
			continue
		}
		found, sure := m.one(found, leg)
		return !sure || len(absences(m.pieces(rule.name, found), leg)) == 0
	}
	name := hostname(leg.Hostname)
	return !atSite && (name == "" || leg.Guest || given(name))
}
