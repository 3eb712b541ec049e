package activities

import (
	"time"

	"callweave/internal/provider"
	"callweave/internal/store"
)

const (
	// overlap is how far a live window reaches back before the one before it: meetings are
	// listed when they have ended, but by when they started. Meetings longer than this are
	// found by the deep look.
	overlap = 2 * time.Hour
	// deepLook is how far back the list is read every deepEvery: Zoom ends a meeting after
	// 30 hours at the latest.
	deepLook  = 30 * time.Hour
	deepEvery = time.Hour
	// longestWindow keeps a window under what one attempt can list, and under the month that
	// Zoom lists at once. It is longer than the deep look, so that the newest window of a
	// long interval is one.
	longestWindow = 48 * time.Hour
	// backfillWindow makes the holes of a backfill small, and their order newest first.
	backfillWindow = 24 * time.Hour
	// maxBackfill is a little more than the six months for which Zoom keeps data.
	maxBackfill = 190 * 24 * time.Hour
)

// windowPlan is what a pass adds to the ledger.
type windowPlan struct {
	origin  store.Origin
	windows []provider.Window
	deep    bool // it looks back as far as is ever needed
}

// now reports whether the plan reaches up to the present, where meetings run.
func (p windowPlan) now() bool { return p.origin == store.OriginLive && len(p.windows) > 0 }

// planLive plans the harvest that is for the time at. A time that is past what was listed
// gives windows from there to at, however long nothing was listed. A time before that
// (the backfill of a schedule) gives the window of its own interval, unless the last
// window reached back there a moment ago.
func planLive(at, now time.Time, listed store.Listed, config HarvestConfig) windowPlan {
	at = at.UTC().Truncate(time.Second)
	if at.After(now) {
		at = now.UTC().Truncate(time.Second)
	}
	if listed.To.IsZero() {
		from := at.Add(-config.Lookback)
		if !listed.From.IsZero() && listed.From.Before(from) {
			from = listed.From.UTC()
		}
		return windowPlan{store.OriginLive, split(from, at, longestWindow), true}
	}
	if !at.After(listed.To) {
		if at.After(listed.To.Add(-overlap)) {
			return windowPlan{}
		}
		return windowPlan{store.OriginBackfill, split(at.Add(-config.Interval), at, longestWindow), false}
	}
	reach, deep := overlap, false
	if at.Sub(listed.Deep) >= deepEvery {
		reach, deep = deepLook, true
	}
	from := listed.To.Add(-reach)
	if from.Before(listed.From) {
		from = listed.From
	}
	return windowPlan{store.OriginLive, split(from.UTC(), at, longestWindow), deep}
}

// planBackfill plans what an operator asked for. Without an end it goes up to now.
func planBackfill(from, to, now time.Time) (windowPlan, error) {
	if to.IsZero() || to.After(now) {
		to = now
	}
	from, to = from.UTC().Truncate(time.Second), to.UTC().Truncate(time.Second)
	if !from.Before(to) {
		return windowPlan{}, invalidInput("harvest from %s: it is not past", from.Format(time.RFC3339))
	}
	if to.Sub(from) > maxBackfill {
		return windowPlan{}, invalidInput("harvest of %d days: at most %d at once", int(to.Sub(from).Hours()/24), int(maxBackfill.Hours()/24))
	}
	return windowPlan{store.OriginBackfill, split(from, to, backfillWindow), false}, nil
}

// split cuts [from, to) into windows of at most the length, the last one first cut.
func split(from, to time.Time, length time.Duration) []provider.Window {
	var windows []provider.Window
	for from.Before(to) {
		start := to.Add(-length)
		if start.Before(from) {
			start = from
		}
		windows = append(windows, provider.Window{From: start, To: to})
		to = start
	}
	return windows
}
