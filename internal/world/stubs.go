package world

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

var errNotYet = errors.New("world: being built")

func New(cfg Config) (*World, error) { return nil, errNotYet }
func DemoConfig(seed uint64) Config {
	return Config{Seed: seed, Orgs: 3, SitesPerOrg: 2, APsPerSite: 3, Accounts: 1, PeoplePerOrg: 24, MeetingsPerDay: 24}
}
func (w *World) MeetingsStarting(a *Account, from, to time.Time) []*Meeting { return nil }
func (w *World) MeetingsEnding(a *Account, from, to time.Time) []*Meeting   { return nil }
func (w *World) MeetingByUUID(a *Account, uuid [16]byte) (*Meeting, bool)   { return nil, false }
func (w *World) Minutes(l *Leg) []Minute                                    { return nil }
func (w *World) ClientAt(c *Client, t time.Time) (ClientState, bool)        { return ClientState{}, false }
func (w *World) RadioAt(ap *AP, band Band, t time.Time) RadioState          { return RadioState{} }
func (w *World) WANAt(s *Site, t time.Time) WANState                        { return WANState{} }
func (w *World) Sessions(s *Site, from, to time.Time) []Session             { return nil }
func (w *World) Leases(s *Site, from, to time.Time) []Lease                 { return nil }
func (w *World) ClientsOf(s *Site) []*Client                                { return nil }
func (w *World) Site(id uuid.UUID) (*Site, bool)                            { return nil, false }
func (w *World) Org(id uuid.UUID) (*Org, bool)                              { return nil, false }
func (w *World) Account(id string) (*Account, bool)                         { return nil, false }
func (w *World) Truth(a *Account, from, to time.Time, t Thresholds) Truth   { return Truth{} }

// OrgTruth is what an org's networks carried of an account's calls.
type OrgTruth struct {
	Legs         int
	MediaSamples int
	BadMinutes   int
	Causes       map[Cause]int // bad minutes by true cause
}

// Truth is what really happened in the meetings of an account that started in an interval.
type Truth struct {
	Meetings      int
	AloneMeetings int
	Legs          int
	MediaSamples  int
	BadMinutes    int
	Causes        map[Cause]int
	Orgs          map[uuid.UUID]OrgTruth
}
