package workflows

import (
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
)

// What the activities of a Harvest take and return.

// PlanHarvestInput asks for what is to be listed. At is the time the harvest is for; From
// and To are an operator's.
type PlanHarvestInput struct {
	provider.AccountRef
	At   time.Time `json:"at"`
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	Look bool      `json:"look,omitempty"` // do what there is to do, if that is little
}

// PlanHarvestResult is the open part of the ledger, newest first, and what a look did
// already. A worker of an earlier build only plans.
type PlanHarvestResult struct {
	HeldBy         string            `json:"held_by,omitempty"`
	Windows        []provider.Window `json:"windows,omitempty"`
	Past           int               `json:"past,omitempty"`  // so many of the windows, the last ones, are of the past
	RequestsBefore int               `json:"requests_before"` // spent by the account, ever
	Listed         int               `json:"listed,omitempty"`
	Found          int               `json:"found,omitempty"` // new meetings
	Live           bool              `json:"live,omitempty"`  // a link wants to see meetings run

	// Ended says that the pass is over, noted and the ledger given back.
	Ended     bool        `json:"ended,omitempty"`
	Requests  int         `json:"requests,omitempty"`
	Remaining int         `json:"remaining,omitempty"`
	Stopped   Stop        `json:"stopped,omitzero"`
	WeaveOrgs []uuid.UUID `json:"weave_orgs,omitempty"` // for which something can be woven
	Waiting   int         `json:"waiting,omitempty"`    // meetings that wait for device data
}

// ListMeetingsInput asks for the meetings of one window.
type ListMeetingsInput struct {
	provider.AccountRef
	Window provider.Window `json:"window"`
}

// ListMeetingsResult is one window listed, or why it was not.
type ListMeetingsResult struct {
	Found   int    `json:"found"`             // new ones
	Dropped bool   `json:"dropped,omitempty"` // nobody wants it any more: not listed
	Cause   string `json:"cause,omitempty"`
	Stopped Stop   `json:"stopped,omitzero"`
	HeldBy  string `json:"held_by,omitempty"`
}

// ReadMeetingsInput asks for a bounded batch of the meetings that are due.
type ReadMeetingsInput struct {
	provider.AccountRef
}

// ReadMeetingsResult is one batch.
type ReadMeetingsResult struct {
	Read         int    `json:"read"`
	Legs         int    `json:"legs"`
	MediaSamples int    `json:"media_samples"`
	Quarantined  int    `json:"quarantined"`
	Remaining    int    `json:"remaining"`               // still due
	OnlyBackfill bool   `json:"only_backfill,omitempty"` // what is still due, nobody waits for
	Stopped      Stop   `json:"stopped,omitzero"`
	HeldBy       string `json:"held_by,omitempty"`
}

// ReadLiveInput asks for the meetings that run.
type ReadLiveInput struct {
	provider.AccountRef
}

// ReadLiveResult is what was read of the meetings that run.
type ReadLiveResult struct {
	Running      int    `json:"running"` // listed
	Read         int    `json:"read"`
	Legs         int    `json:"legs"`
	MediaSamples int    `json:"media_samples"`
	Stopped      Stop   `json:"stopped,omitzero"`
	HeldBy       string `json:"held_by,omitempty"`
}

// Stop is why a pass ends before its work is done: an error type. The zero Stop is none.
type Stop struct {
	Type    string `json:"type,omitempty"`
	Daily   bool   `json:"daily,omitempty"`   // of ErrRateLimited: the day's quota or budget is spent
	Verdict string `json:"verdict,omitempty"` // of ErrReauthorization: on the account's token, see provider.Error
}

// StopCanceled is the type of the [Stop] of a pass that was canceled.
const StopCanceled = "canceled"

// FinishHarvestInput ends a pass.
type FinishHarvestInput struct {
	provider.AccountRef
	Stopped Stop `json:"stopped,omitzero"`
}

// FinishHarvestResult names the orgs that what was harvested is to be woven for.
type FinishHarvestResult struct {
	Orgs          []uuid.UUID `json:"orgs,omitempty"`
	Remaining     int         `json:"remaining"`      // meetings due
	RequestsAfter int         `json:"requests_after"` // spent by the account, ever
}
