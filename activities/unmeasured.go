package activities

import (
	"time"

	"callweave/internal/provider"
)

// talkFor is how long two people are in a meeting before we expect to hear of its quality:
// Zoom measures by the minute, and nothing where nothing is sent.
const talkFor = 2 * time.Minute

// unmeasured reports whether two people were in a meeting at one time by devices that
// measure, and no sample of anybody came. Telephones and room systems measure nothing.
func unmeasured(legs []provider.Leg) bool {
	for i := range legs {
		if len(legs[i].Samples) > 0 {
			return false
		}
	}
	for i := range legs {
		for j := range legs[:i] {
			a, b := &legs[i], &legs[j]
			if a.ParticipantID == b.ParticipantID || !measures(a) || !measures(b) {
				continue
			}
			begin, end := a.JoinAt, a.LeaveAt
			if b.JoinAt.After(begin) {
				begin = b.JoinAt
			}
			if b.LeaveAt.Before(end) {
				end = b.LeaveAt
			}
			if end.Sub(begin) >= talkFor {
				return true
			}
		}
	}
	return false
}

func measures(leg *provider.Leg) bool {
	switch leg.Device {
	case "Phone", "H.323/SIP", "SIP", "H.323": // as Zoom's dashboard calls them
		return false
	}
	return !leg.LeaveAt.IsZero()
}
