package network

import "time"

// Cadence says how snapshots are read as intervals.
type Cadence struct {
	// Every is the time between two polls: how far back a snapshot speaks that has
	// no predecessor.
	Every time.Duration
	// MaxGap is the longest time between two snapshots that is still bridged. Over a
	// longer one nobody knows what happened. 0 means three times Every.
	MaxGap time.Duration
}

// span is the interval for which a snapshot of observedAt speaks, given when the
// previous one was observed (zero if there is none). It is not ok when nothing new
// was observed.
func (c Cadence) span(previous, observedAt time.Time) (from time.Time, ok bool) {
	if !observedAt.After(previous) {
		return time.Time{}, false
	}
	if previous.IsZero() || observedAt.Sub(previous) > c.maxGap() {
		return observedAt.Add(-c.Every), true
	}
	return previous, true
}

func (c Cadence) maxGap() time.Duration {
	if c.MaxGap > 0 {
		return c.MaxGap
	}
	return 3 * c.Every
}

// Radio turns two successive snapshots of one radio into a sample. previous is the
// zero snapshot the first time; it is not ok when the radio reported nothing new.
func (c Cadence) Radio(previous, current RadioSnapshot) (RadioSample, bool) {
	from, ok := c.span(previous.ObservedAt, current.ObservedAt)
	return RadioSample{From: from, To: current.ObservedAt, Radio: current}, ok
}

// WAN turns two successive snapshots of one uplink into a sample, like
// [Cadence.Radio].
func (c Cadence) WAN(previous, current WANSnapshot) (WANSample, bool) {
	from, ok := c.span(previous.ObservedAt, current.ObservedAt)
	return WANSample{From: from, To: current.ObservedAt, WAN: current}, ok
}
