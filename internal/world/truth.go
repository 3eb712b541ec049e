package world

import (
	"time"

	"github.com/google/uuid"
)

// Truth counts what really happened in the meetings of an account that started in an
// interval: what a complete harvest of them must hold.
type Truth struct {
	Meetings      int // those with one attendee included
	AloneMeetings int
	Legs          int
	Minutes       int // of legs, with or without media
	MediaSamples  int // minutes with any stream present: what Zoom has data for
	BadMinutes    int
	Causes        map[Cause]int // bad minutes by true cause
	Orgs          map[uuid.UUID]OrgTruth
}

// OrgTruth counts what an org's networks carried of them.
type OrgTruth struct {
	Legs         int
	Minutes      int
	MediaSamples int
	BadMinutes   int
	Causes       map[Cause]int
}

// HasMedia reports whether any stream, screen sharing included, has data.
func (m Minute) HasMedia() bool {
	return m.Measurable() || m.ScreenIn.Present || m.ScreenOut.Present
}

// Measurable reports whether audio or video has data: without, a minute is neither
// good nor bad.
func (m Minute) Measurable() bool {
	return m.AudioIn.Present || m.AudioOut.Present || m.VideoIn.Present || m.VideoOut.Present
}

// Truth counts the meetings of an account that start in [from, to).
func (w *World) Truth(a *Account, from, to time.Time, t Thresholds) Truth {
	truth := Truth{Causes: make(map[Cause]int), Orgs: make(map[uuid.UUID]OrgTruth)}
	for _, m := range w.MeetingsStarting(a, from, to) {
		truth.Meetings++
		if m.Alone() {
			truth.AloneMeetings++
		}
		for _, l := range m.Legs {
			truth.add(l, w.Minutes(l), t)
		}
	}
	return truth
}

func (truth *Truth) add(l *Leg, minutes []Minute, t Thresholds) {
	var here OrgTruth
	if l.onNetwork() {
		if here = truth.Orgs[l.Person.Org.ID]; here.Causes == nil {
			here.Causes = make(map[Cause]int)
		}
		here.Legs++
		defer func() { truth.Orgs[l.Person.Org.ID] = here }()
	}
	truth.Legs++
	truth.Minutes += len(minutes)
	for _, m := range minutes {
		org := &here
		if l.StayAt(l.middle(m.StartAt)).Site == nil {
			org = &OrgTruth{} // nobody's
		}
		org.Minutes++
		if m.HasMedia() {
			truth.MediaSamples++
			org.MediaSamples++
		}
		if m.Bad(t) {
			truth.BadMinutes++
			truth.Causes[m.Cause]++
			org.BadMinutes++
			if org.Causes != nil {
				org.Causes[m.Cause]++
			}
		}
	}
}
