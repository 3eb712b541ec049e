// Package provider is the neutral model of a calling service: what an account, a
// grant, a meeting, a leg and a media sample are, whichever service they come
// from, and the interface that Zoom (and later Teams) satisfies.
//
// Units are parsed at the edge: here every name carries its unit, and what is not
// known is unknown, never zero.
package provider

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/secret"
)

// Name is a calling service.
type Name string

// The calling services that Callweave knows.
const (
	Zoom  Name = "zoom"
	Teams Name = "teams"
)

// ParseName reads a provider's name as users write it.
func ParseName(text string) (Name, error) {
	switch name := Name(text); name {
	case Zoom, Teams:
		return name, nil
	}
	return "", fmt.Errorf("provider: want %q or %q, got %q", Zoom, Teams, text)
}

// AccountRef names one account of one provider.
type AccountRef struct {
	Provider  Name   `json:"provider"`
	AccountID string `json:"account_id"`
}

// String is "zoom/KkEM7orQSIWHZNFzwMLuRA".
func (r AccountRef) String() string { return string(r.Provider) + "/" + r.AccountID }

// Grant is what a provider gives after an authorization or a refresh.
type Grant struct {
	Access    secret.Text
	Refresh   secret.Text
	ExpiresAt time.Time // of the access token
	Scopes    []string
}

// Has reports whether the grant holds at least one of the scopes.
func (g Grant) Has(anyOf ...string) bool {
	for _, granted := range g.Scopes {
		for _, wanted := range anyOf {
			if strings.EqualFold(granted, wanted) {
				return true
			}
		}
	}
	return false
}

// Account is a provider account and the administrator who authorized us.
type Account struct {
	AccountRef
	Number  string      // for display; "" where the provider does not say
	Company secret.Text // may be a person's name (Zoom's own sample is)
	Admin   Person
}

// Person is somebody as a provider knows them. All but UserID is personal data.
type Person struct {
	UserID   string // the provider's id; "" for a guest
	Name     secret.Text
	Email    secret.Text
	Hostname secret.Text
}

// ListKind says which of a provider's meeting lists is read.
type ListKind string

// Zoom keeps ended meetings of one participant in a list of their own, and so running ones
// (Zoom Dashboard API reference, "List meetings", parameter type).
const (
	ListPast    ListKind = "past"
	ListPastOne ListKind = "past_one"
	ListLive    ListKind = "live"
)

// Window is a half-open interval [From, To) of an account to be harvested.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Meeting is one instance of a meeting, as a list shows it.
type Meeting struct {
	ID               string // the instance's own id (Zoom: the UUID in base64)
	Number           int64  // the number people dial; shared by all instances
	Kind             ListKind
	Host             Person
	StartAt          time.Time
	EndAt            time.Time // zero while it runs
	ParticipantCount int
}

// Leg is one join of one participant; a rejoin is another leg.
// (MeetingID, ParticipantID, JoinAt) identifies it.
type Leg struct {
	MeetingID     string
	ParticipantID string // valid within the meeting only
	JoinAt        time.Time
	LeaveAt       time.Time // zero while unknown
	Person        Person
	Guest         bool // not of the account
	Role          string
	Device        string
	ClientVersion string
	NetworkType   string
	DataCenter    string
	Location      string
	PublicIP      netip.Addr
	PrivateIPs    []netip.Addr
	MAC           macaddr.Addr
	AudioQuality  string // good, fair, poor, bad, or "" where the medium was not used
	VideoQuality  string
	ScreenQuality string
	Samples       []MediaSample
}

// Granularity is the kind of interval a media sample covers.
type Granularity string

// Zoom measures minutes; Teams averages whole streams, which is not the same and
// must never be drawn as minutes (Microsoft Graph, "callRecord: mediaStream").
const (
	PerMinute Granularity = "minute"
	PerStream Granularity = "stream"
)

// MediaSample is the quality of one leg over [StartAt, EndAt).
type MediaSample struct {
	StartAt     time.Time
	EndAt       time.Time
	Granularity Granularity
	AudioIn     Stream
	AudioOut    Stream
	VideoIn     Stream
	VideoOut    Stream
	ScreenIn    Stream
	ScreenOut   Stream
	// Client side, as the meeting client measured it.
	ClientCPUAvgPercent measure.Value
	ClientCPUMaxPercent measure.Value
	SystemCPUMaxPercent measure.Value
	WiFiRSSIAvgDBm      measure.Value
	WiFiRSSIMinDBm      measure.Value
	WiFiRSSIMaxDBm      measure.Value
}

// Stream is one medium in one direction, named as Zoom names it: "in" is the input, what
// the participant sends into the meeting; "out" is the output, what the participant
// receives (Zoom staff on the developer forum, topic 44764; the reference says the same
// of the gateway objects).
type Stream struct {
	LatencyMS    measure.Value
	JitterMS     measure.Value
	LossAvgRatio measure.Value // 0..1
	LossMaxRatio measure.Value // 0..1
	BitrateBPS   measure.Value
	FrameRateFPS measure.Value
	WidthPx      measure.Value
	HeightPx     measure.Value
}

// Measured reports whether anything was measured on the stream.
func (s Stream) Measured() bool {
	return s.LatencyMS.Known() || s.JitterMS.Known() || s.LossAvgRatio.Known() || s.BitrateBPS.Known()
}
