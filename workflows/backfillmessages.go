package workflows

import (
	"errors"
	"fmt"
	"time"

	"callweave/internal/provider"
)

// BackfillReach is how far back a backfill goes: Zoom's dashboard keeps six months (Zoom
// dashboard API).
const BackfillReach = 183 * 24 * time.Hour

// BackfillInput begins a Backfill: have [From, To) of an account harvested.
type BackfillInput struct {
	provider.AccountRef
	From        time.Time        `json:"from"`
	To          time.Time        `json:"to"`
	RequestedBy string           `json:"requested_by,omitempty"` // an API token's id or "cli"; else the workflow's id
	Carried     BackfillProgress `json:"carried,omitzero"`       // by continue-as-new; operators leave it out
}

// ValidAt reports everything that is wrong with the input at a time.
func (in BackfillInput) ValidAt(now time.Time) error {
	err := validRef(in.AccountRef)
	switch oldest := now.Add(-BackfillReach).UTC().Truncate(time.Second); {
	case in.From.IsZero():
		err = errors.Join(err, errors.New("from: missing"))
	case in.From.Before(oldest):
		err = errors.Join(err, fmt.Errorf("from: providers keep six months: want %s or later", oldest.Format(time.RFC3339)))
	}
	switch {
	case in.To.IsZero():
		err = errors.Join(err, errors.New("to: missing"))
	case in.To.After(now):
		err = errors.Join(err, errors.New("to: want a time in the past"))
	case !in.From.Before(in.To):
		err = errors.Join(err, errors.New("from: want a time before to"))
	}
	return err
}

// BackfillDays are the windows of a backfill: [from, to) cut at 00:00 UTC, the last day first.
// Backfills that overlap share the days that they have in common.
func BackfillDays(from, to time.Time) []provider.Window {
	from, to = from.UTC(), to.UTC()
	var windows []provider.Window
	for from.Before(to) {
		start := to.Add(-time.Nanosecond).Truncate(24 * time.Hour)
		if start.Before(from) {
			start = from
		}
		windows = append(windows, provider.Window{From: start, To: to})
		to = start
	}
	return windows
}

// BackfillProgress is what the progress query of a Backfill answers, and ends one.
type BackfillProgress struct {
	State         string         `json:"state"` // running, paused, done, canceled
	WindowsTotal  int            `json:"windows_total"`
	WindowsListed int            `json:"windows_listed"`
	WindowsFailed map[string]int `json:"windows_failed,omitempty"` // not listed, by cause: an error type
	MeetingsDue   int            `json:"meetings_due"`
	MeetingsRead  int            `json:"meetings_read"`
	Quarantined   int            `json:"quarantined"`    // could not be read; see the gaps
	RequestsSpent int            `json:"requests_spent"` // by its passes, which read what is new as well
	Passes        int            `json:"passes"`
	WaitingFor    string         `json:"waiting_for,omitempty"` // what keeps it from going on: see the Waiting constants, or an error type
	WaitingUntil  time.Time      `json:"waiting_until,omitzero"`
	DoneAt        time.Time      `json:"done_at,omitzero"`  // forecast; zero where it cannot be told
	Stopped       string         `json:"stopped,omitempty"` // why it ended with something left: an error type
}

// What a Backfill may wait for, besides the error types that end its passes.
const (
	WaitingBudget  = "budget"  // the daily one: it goes on after 00:00 UTC
	WaitingHarvest = "harvest" // another one is at work
	WaitingRetry   = "retry"   // a pass came to nothing
)

// BackfillRef names a backfill.
type BackfillRef struct {
	provider.AccountRef
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// BackfillBegin puts a backfill into the ledger.
type BackfillBegin struct {
	BackfillRef
	RequestedBy string `json:"requested_by"`
}

// BackfillLook is how far a backfill is.
type BackfillLook struct {
	Gone          bool           `json:"gone,omitempty"` // the account is not linked any more, or another workflow took over
	State         string         `json:"state,omitempty"`
	WindowsTotal  int            `json:"windows_total"`
	WindowsListed int            `json:"windows_listed"`
	WindowsOpen   int            `json:"windows_open"` // that are waited for
	WindowsFailed map[string]int `json:"windows_failed,omitempty"`
	MeetingsDue   int            `json:"meetings_due"`
	MeetingsRead  int            `json:"meetings_read"`
	Quarantined   int            `json:"quarantined"`
	DoneAt        time.Time      `json:"done_at,omitzero"`
}

// BackfillPause pauses a backfill, or resumes it.
type BackfillPause struct {
	BackfillRef
	Paused bool `json:"paused"`
}

// BackfillEnd notes how a backfill ended.
type BackfillEnd struct {
	BackfillRef
	Outcome BackfillProgress `json:"outcome"`
}
