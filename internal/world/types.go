// Package world is one deterministic world by seed: orgs, sites, radios, uplinks,
// people, their devices and their meetings, with a causal model of call quality
// and injected faults whose true cause is known for every participant-minute.
//
// It is how truth is known. Nothing is stored: everything about a moment is a pure
// function of (Config, moment), so the world exists at any time in the past and
// future and two processes with the same Config see the same one. The packages
// zoomwindow and mistwindow show it through HTTP as Zoom and Mist would.
package world

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// Config scales a world. Two worlds with equal Configs are the same world, on
// processors of one architecture: others may round the last digit of a truth
// differently.
type Config struct {
	Seed           uint64
	Orgs           int // network orgs (Mist)
	SitesPerOrg    int
	APsPerSite     int
	Accounts       int // Zoom accounts; the people of all orgs are spread over them
	PeoplePerOrg   int // employees, home workers included
	MeetingsPerDay int // per account, every day; one that nobody is free to host is left out
	// MovesPercent is of how many of a hundred calls from an office somebody changes place
	// or network while the call goes on. Worlds that differ in it alone have the same people
	// and meetings.
	MovesPercent int `json:",omitempty"`
	// Physics draws how strongly and how steeply faults act; 0 is the usual. All else of a
	// world stays the same.
	Physics uint64 `json:",omitempty"`
}

// World is a world. Its fields are fixed after New; its methods are safe for
// concurrent use.
type World struct {
	Config   Config
	Orgs     []*Org
	Accounts []*Account
	index
}

// Org is a network org.
type Org struct {
	ID     uuid.UUID
	Name   string
	Sites  []*Site
	People []*Person

	index int
}

// Site is a place with one subnet, one gateway and some access points. The sites of
// different orgs share address space (RFC 1918), as they do in life; public
// addresses are their own.
type Site struct {
	ID          uuid.UUID
	Org         *Org
	Name        string
	Timezone    string
	CountryCode string
	Lat, Lng    float64
	PublicIP    netip.Addr
	Subnet      netip.Prefix
	SSID        string
	WLANID      uuid.UUID
	Gateway     *Gateway
	APs         []*AP

	key                      uint64
	place                    int   // number in places
	offset                   int64 // standard time ahead of UTC, in seconds
	uplinkMbps, downlinkMbps float64
	clients                  []*Client // residents first, then those of the org's other sites
	residents                int
}

// Gateway is a site's WAN edge with one uplink port.
type Gateway struct {
	ID   uuid.UUID // 00000000-0000-0000-1000-<mac>, as Mist makes device ids
	MAC  macaddr.Addr
	Name string
	Site *Site
	Port string // name of the WAN port, e.g. "ge-0/0/0"
}

// AP is an access point with a radio per band.
type AP struct {
	ID   uuid.UUID
	MAC  macaddr.Addr
	Name string
	Site *Site

	key   uint64
	index int // in Site.APs
}

// Band is a radio band as Mist writes it.
type Band string

// The bands of Mist's band enumeration.
const (
	Band24 Band = "24"
	Band5  Band = "5"
	Band6  Band = "6"
)

// Account is a Zoom account.
type Account struct {
	ID      string // 22 characters, base64url
	Number  int64
	Company string
	Admins  []*Person // at least two; the first is the owner
	People  []*Person // employees, of one org or of several

	key   uint64
	index int
}

// Person is an employee: a Zoom user and the owner of network clients.
type Person struct {
	ZoomUserID string
	FirstName  string
	LastName   string
	Email      string
	Account    *Account
	Org        *Org
	Site       *Site     // where their desk is
	AtHome     bool      // works from home: never on a network of an org
	Clients    []*Client // the device they call from comes first

	key   uint64
	index int // in the world
}

// DisplayName is the name the person shows in a meeting.
func (p *Person) DisplayName() string { return p.FirstName + " " + p.LastName }

// Client is a network client: one hardware address.
type Client struct {
	MAC      macaddr.Addr
	Hostname string
	Person   *Person
	Wired    bool // a dock: no radio, no AP
	OS       string
	Device   string // as Zoom names it: Windows, Mac, iOS, Android
	Proto    string // 802.11 generation as Mist writes it: n, ac, ax, be
	Streams  int    // spatial streams

	key      uint64
	reported macaddr.Addr // what Zoom's client reads: the burnt-in address, even where MAC is a private one
	phone    bool
	pool     map[*Site]int // place in the site's address pool
}

// Meeting is one meeting instance.
type Meeting struct {
	Account *Account
	UUID    [16]byte // Zoom writes it in base64; some begin with "/" or hold "//"
	Number  int64
	Topic   string
	Host    *Person
	StartAt time.Time
	EndAt   time.Time
	Legs    []*Leg // one per join, by JoinAt

	key uint64
	day int64 // UTC day it starts on, since 1970
}

// Alone reports whether only one attendee ever joined: such meetings are in Zoom's
// pastOne list only.
func (m *Meeting) Alone() bool {
	for _, leg := range m.Legs[1:] {
		if leg.Attendee() != m.Legs[0].Attendee() {
			return false
		}
	}
	return true
}

// Leg is one join of one participant.
type Leg struct {
	Meeting    *Meeting
	UserID     string  // Zoom's in-meeting user_id; a rejoin may keep it
	UUID       string  // participant_uuid
	Person     *Person // nil for a guest
	GuestName  string
	Client     *Client // nil where the device is on no network of ours (guest, home)
	Site       *Site   // network the leg is on; nil when at home or a guest
	Stays      []Stay  // from JoinAt to LeaveAt without holes; several where somebody moves
	VPN        bool    // through a VPN: Zoom sees the tunnel's private address
	JoinAt     time.Time
	LeaveAt    time.Time
	PublicIP   netip.Addr
	PrivateIP  netip.Addr
	Device     string
	OS         string
	Hostname   string
	MAC        macaddr.Addr // as Zoom's client reports it; zero for guests
	DataCenter string
	Network    string // Wired, Wifi, Cellular, Others
	VideoOn    bool
	Sharing    bool

	key       uint64
	pathRTTMS float64 // from the leg's place to its data center, without VPN
	farTunnel bool    // the VPN ends far away
}

// Stay is where a leg is for a while: on a client at a site, or on no network of ours.
type Stay struct {
	Client   *Client // nil: on no network of ours
	Site     *Site   // nil with it
	From, To time.Time
}

// StayAt is where the leg is at a moment; before it joins, where it begins, and after, where
// it ended. What Zoom shows of the leg, and with it Client and Site, is of the first stay or
// of the last.
func (l *Leg) StayAt(t time.Time) Stay {
	for i := range l.Stays {
		if t.Before(l.Stays[i].To) {
			return l.Stays[i]
		}
	}
	return l.Stays[len(l.Stays)-1]
}

// Attendee identifies who joined, over rejoins.
func (l *Leg) Attendee() string {
	if l.Person != nil {
		return l.Person.ZoomUserID
	}
	return "guest:" + l.GuestName
}

// Cause is the true cause of a bad minute.
type Cause string

// The injected causes. CauseNone is a minute with no injected fault; it may still
// be bad by noise.
const (
	CauseNone         Cause = ""
	CauseRadioCrowded Cause = "radio_crowded" // contention: many clients, high utilisation
	CauseInterference Cause = "radio_interference"
	CauseWeakSignal   Cause = "weak_signal"
	CauseWANLatency   Cause = "wan_latency"
	CauseWANJitter    Cause = "wan_jitter"
	CauseWANSaturated Cause = "wan_saturated"
	CauseClientCPU    Cause = "client_cpu"
	CauseVPNDistance  Cause = "vpn_distance"
	CauseFarEnd       Cause = "far_end" // the service or the other side: all legs suffer
)

// Minute is the truth of one leg over one UTC minute. Every number is already
// rounded as Zoom reports it, so that a reader who parses Zoom's strings gets
// exactly these.
type Minute struct {
	StartAt   time.Time // truncated to the minute; the first may precede JoinAt
	AudioIn   Stream    // sent by the participant: into the meeting, as Zoom names it
	AudioOut  Stream    // received
	VideoIn   Stream    // Present false when the participant's video is off
	VideoOut  Stream
	ScreenIn  Stream
	ScreenOut Stream
	CPU       CPU
	RSSI      *RSSI // nil where the client does not report one (wired, web)
	Cause     Cause // the strongest injected fault acting on this minute
}

// Bad reports whether audio or video in either direction is beyond the thresholds
// (strictly greater; screen sharing does not count).
func (m Minute) Bad(t Thresholds) bool {
	for _, s := range []Stream{m.AudioIn, m.AudioOut, m.VideoIn, m.VideoOut} {
		if s.Present && (s.LatencyMS > t.LatencyMS || s.JitterMS > t.JitterMS || s.LossAvgPercent/100 > t.LossRatio) {
			return true
		}
	}
	return false
}

// Thresholds are the limits beyond which a minute is bad.
type Thresholds struct {
	LatencyMS float64
	JitterMS  float64
	LossRatio float64
}

// DefaultThresholds are design's defaults: 150 ms, 40 ms, 2 %.
var DefaultThresholds = Thresholds{LatencyMS: 150, JitterMS: 40, LossRatio: 0.02} //nolint:gochecknoglobals // a constant of a struct type

// Stream is one medium in one direction during one minute, in Zoom's own units and
// rounding.
type Stream struct {
	Present        bool
	LatencyMS      float64 // whole
	JitterMS       float64 // whole
	LossAvgPercent float64 // two decimals
	LossMaxPercent float64 // two decimals
	BitrateKbps    float64 // two decimals
	FrameRateFPS   float64 // whole; 0 for audio
	Width, Height  int     // 0 for audio
}

// CPU is client load in whole percent.
type CPU struct{ ZoomMin, ZoomAvg, ZoomMax, SystemMax int }

// RSSI is what the meeting client saw, in whole dBm.
type RSSI struct{ Min, Avg, Max int }

// ClientState is what the network knows of a client at a moment.
type ClientState struct {
	AP          *AP // nil when wired
	Band        Band
	Channel     int
	IP          netip.Addr
	RSSIDBm     int
	SNRDB       int
	TxRateMbps  float64
	RxRateMbps  float64
	AssocAt     time.Time // start of the association on this AP
	TxRetries   int64     // counters since AssocAt
	RxRetries   int64
	TxBytes     int64
	RxBytes     int64
	TxBPS       int64
	RxBPS       int64
	IdleSeconds int
}

// RadioState is a radio at a moment. Utilisation is in percent of air time.
type RadioState struct {
	Channel        int
	BandwidthMHz   int
	PowerDBm       int
	NoiseFloorDBm  int
	NumClients     int
	UtilAll        int
	UtilTx         int
	UtilRxInBSS    int
	UtilRxOtherBSS int
	UtilNonWiFi    int
}

// WANState is a site's uplink at a moment.
type WANState struct {
	RTTMS        float64
	JitterMS     float64
	LossPercent  float64
	DownloadMbps float64
	UploadMbps   float64
}

// Session is an interval of a wireless client on one AP.
type Session struct {
	Client       *Client
	AP           *AP
	Site         *Site
	Band         Band
	ConnectAt    time.Time
	DisconnectAt time.Time
}

// Lease is an interval in which a client had an address.
type Lease struct {
	Client *Client
	Site   *Site
	IP     netip.Addr
	From   time.Time
	To     time.Time
}
