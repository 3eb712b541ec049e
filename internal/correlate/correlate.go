// Package correlate finds out which network client a leg of a call was, and what the
// network knew of that client at every moment of the call.
//
// It computes only: no I/O, no clock, no randomness. A [Matcher] names the client and
// the site of a leg; a [History] joins the media samples of the leg with the finest
// device samples that cover them; [Thresholds.Judge] says whether a minute was bad.
// What cannot be told is unknown, never guessed. Intervals are half open: [From, To).
package correlate

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/secret"
)

// Site is a place of an org with what is known of its addresses.
type Site struct {
	ID        uuid.UUID
	PublicIPs []netip.Addr   // as the internet sees the site
	Subnets   []netip.Prefix // of its LANs
}

// Source is where a lease comes from.
type Source string

// The sources of leases, the one that knows its times best first: finished sessions and
// imports are dated by the network itself, snapshots by when we looked, searches by the
// window that was searched.
const (
	SourceSession  Source = "session"
	SourceImport   Source = "import"
	SourceSnapshot Source = "snapshot"
	SourceSearch   Source = "search"
)

// rank orders sources: the lower, the better the lease's times are known.
func (s Source) rank() uint8 {
	switch s {
	case SourceSession, SourceImport:
		return 0
	case SourceSnapshot:
		return 1
	}
	return 2
}

// Lease is an interval in which a client had an address, a name and a place. Each of
// these may be unknown.
type Lease struct {
	MAC      macaddr.Addr
	SiteID   uuid.UUID
	IP       netip.Addr
	Hostname secret.Text
	Wired    bool
	AP       macaddr.Addr // zero for wired clients
	Band     string
	Source   Source
	From     time.Time
	To       time.Time
}

// Medium is what carries a leg, as far as its device knows.
type Medium uint8

// The media. An unknown one, as of a VPN's adapter, contradicts nothing.
const (
	MediumUnknown Medium = iota
	MediumWired
	MediumWireless
	MediumCellular // no network of an org
)

// Leg is one join of a participant, as far as the network can recognise it.
type Leg struct {
	ID         int64
	JoinAt     time.Time
	LeaveAt    time.Time
	MAC        macaddr.Addr
	PublicIP   netip.Addr
	PrivateIPs []netip.Addr
	Hostname   secret.Text
	Medium     Medium
	Guest      bool // not of the account: whose names are not the org's
}
