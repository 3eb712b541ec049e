// Package network is the vendor-free model of a monitored network: its sites, what
// it knows of a client, a radio or an uplink at a moment ([ClientSnapshot] and its
// kin), and what that says about an interval ([Lease], [ClientSample] and their kin).
// [Source] is what a vendor's package provides.
//
// The package computes and does no I/O. All times are the network's own clock, so
// that snapshots, sessions and histories of one source agree with each other.
// Every interval is half-open, [From, To). What is not known is unknown, never zero.
package network

import (
	"net/netip"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/secret"
)

// Band is a radio band.
type Band string

// The radio bands. The zero Band is unknown, or a wired client.
const (
	Band24 Band = "24"
	Band5  Band = "5"
	Band6  Band = "6"
)

// Site is a place of the network.
type Site struct {
	ID          uuid.UUID
	Name        string
	Timezone    string // IANA name, or ""
	CountryCode string // ISO 3166-1 alpha-2, or ""
	Lat         measure.Value
	Lng         measure.Value
	PublicAddrs []netip.Addr   // as the internet sees the site; ascending
	Subnets     []netip.Prefix // of the site's LANs, where the network tells; ascending
}

// ClientSnapshot is what the network knew of one client at ObservedAt. Directions
// are the network's: Tx is towards the client, Rx from it.
type ClientSnapshot struct {
	SiteID     uuid.UUID
	MAC        macaddr.Addr
	ObservedAt time.Time
	Wired      bool
	IP         netip.Addr
	Hostname   secret.Text
	Username   secret.Text
	DeviceMAC  macaddr.Addr // the access point; for wired clients the switch or gateway
	Port       string       // wired only
	SSID       string
	Band       Band
	Channel    measure.Value
	Proto      string // 802.11 generation: n, ac, ax, be
	// AssociatedAt is when the client joined DeviceMAC; zero where unknown. The
	// counters count from then.
	AssociatedAt time.Time
	RSSIDBm      measure.Value
	SNRDB        measure.Value
	TxRateMbps   measure.Value // link rate
	RxRateMbps   measure.Value
	TxBPS        measure.Value // traffic
	RxBPS        measure.Value
	TxRetries    Counter
	RxRetries    Counter
	TxBytes      Counter
	RxBytes      Counter
}

// RadioSnapshot is one radio of an access point at ObservedAt. Utilisation is the
// share of air time, 0..1.
type RadioSnapshot struct {
	SiteID             uuid.UUID
	DeviceMAC          macaddr.Addr
	Band               Band
	ObservedAt         time.Time
	Channel            measure.Value
	BandwidthMHz       measure.Value
	TxPowerDBm         measure.Value
	NoiseFloorDBm      measure.Value
	Clients            measure.Value
	UtilRatio          measure.Value
	UtilTxRatio        measure.Value
	UtilRxInBSSRatio   measure.Value
	UtilRxOtherRatio   measure.Value // frames of other networks
	UtilNonWiFiRatio   measure.Value
	UtilUndecodedRatio measure.Value // Wi-Fi too weak to decode, or corrupt
}

// WANSnapshot is one uplink of a site at ObservedAt.
type WANSnapshot struct {
	SiteID       uuid.UUID
	DeviceMAC    macaddr.Addr
	Port         string
	ObservedAt   time.Time
	Up           bool
	LatencyMS    measure.Value // round trip
	JitterMS     measure.Value
	LossRatio    measure.Value // 0..1
	DownloadMbps measure.Value
	UploadMbps   measure.Value
}

// DeviceKind is what a network device is.
type DeviceKind string

// The kinds of network devices that are told apart.
const (
	AP      DeviceKind = "ap"
	Gateway DeviceKind = "gateway"
	Switch  DeviceKind = "switch"
)

// Device is an access point, a gateway or a switch as people call it.
type Device struct {
	SiteID uuid.UUID
	MAC    macaddr.Addr
	Kind   DeviceKind
	Name   string
}

// Devices is every radio and uplink of the network at about one moment, and every device
// that has a name.
type Devices struct {
	Named  []Device
	Radios []RadioSnapshot
	WANs   []WANSnapshot
}

// Session is a finished stay of a wireless client on one access point. It has no
// address: see [PastLeases].
type Session struct {
	SiteID    uuid.UUID
	MAC       macaddr.Addr
	DeviceMAC macaddr.Addr
	SSID      string
	Band      Band
	From      time.Time
	To        time.Time
}

// Sighting is what the network knew of one client over a whole window. Values that
// changed within the window are listed without saying when.
type Sighting struct {
	MAC        macaddr.Addr
	SiteIDs    []uuid.UUID
	LastSiteID uuid.UUID
	Wired      bool
	LastSeenAt time.Time
	IPs        []netip.Addr
	Hostnames  []secret.Text
	Usernames  []secret.Text
	Stays      []WiredStay // wired clients only
}

// WiredStay is an interval of a wired client on one port.
type WiredStay struct {
	DeviceMAC macaddr.Addr
	Port      string
	IP        netip.Addr
	From      time.Time
	To        time.Time // when it was last seen there
}

// Lease is an interval in which a client had an address, a name and a place.
type Lease struct {
	SiteID    uuid.UUID
	MAC       macaddr.Addr
	Wired     bool
	IP        netip.Addr // zero where unknown
	Hostname  secret.Text
	Username  secret.Text
	DeviceMAC macaddr.Addr
	Port      string
	SSID      string
	Band      Band
	From      time.Time
	To        time.Time
}

// ClientSample is what is known of a client over [From, To). The link and traffic
// measures are those at To, the deltas what was counted within the interval.
type ClientSample struct {
	SiteID         uuid.UUID
	MAC            macaddr.Addr
	DeviceMAC      macaddr.Addr
	Wired          bool
	Band           Band
	WiFiVersion    measure.Value // generation of 802.11: 4 is n, 5 ac, 6 ax, 7 be
	Streams        measure.Value // spatial streams
	From           time.Time
	To             time.Time
	Channel        measure.Value
	RSSIDBm        measure.Value
	SNRDB          measure.Value
	TxRateMbps     measure.Value
	RxRateMbps     measure.Value
	TxBPS          measure.Value
	RxBPS          measure.Value
	TxRetriesDelta measure.Value
	RxRetriesDelta measure.Value
	TxBytesDelta   measure.Value
	RxBytesDelta   measure.Value
}

// RadioSample is a radio over [From, To).
type RadioSample struct {
	From  time.Time
	To    time.Time
	Radio RadioSnapshot
}

// WANSample is an uplink over [From, To).
type WANSample struct {
	From time.Time
	To   time.Time
	WAN  WANSnapshot
}
