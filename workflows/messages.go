package workflows

import (
	"time"

	"github.com/google/uuid"

	"callweave/internal/provider"
)

// Inputs and results carry ids, windows and counts: never a token, a name, an address or
// a sample. Fields are only ever added. The inputs of workflows are what operators type.

// AuthorizeInput begins an Authorize.
type AuthorizeInput struct {
	AuthorizationID uuid.UUID `json:"authorization_id"`
}

// AuthorizeResult ends an Authorize: a link, or the stable code of a reason why not.
type AuthorizeResult struct {
	provider.AccountRef
	OrgID     uuid.UUID `json:"org_id"`
	ErrorCode string    `json:"error_code,omitempty"`
}

// Refusal ends an authorization that did not become a link.
type Refusal struct {
	AuthorizationID uuid.UUID `json:"authorization_id"`
	ErrorCode       string    `json:"error_code"`
}

// Refused is whose authorization was refused; nobody's where it is gone.
type Refused struct {
	OrgID   uuid.UUID           `json:"org_id,omitzero"`
	Account provider.AccountRef `json:"account,omitzero"` // it was linked after all: nothing was refused
	Disown  bool                `json:"disown,omitempty"` // a grant is left that is to be revoked
}

// LinkInput begins a Link.
type LinkInput struct {
	provider.AccountRef
	OrgID   uuid.UUID `json:"org_id"`
	Carried LinkState `json:"carried,omitzero"` // by continue-as-new; operators leave it out
}

// LinkCheck is what the link's row says.
type LinkCheck struct {
	Exists        bool      `json:"exists"`
	Status        string    `json:"status,omitempty"` // active, failed, unlinking
	LinkedAt      time.Time `json:"linked_at,omitzero"`
	Errors        []string  `json:"errors,omitempty"` // the texts that the org's people see
	MissingScopes []string  `json:"missing_scopes,omitempty"`
}

// Unlink asks a Link to end.
type Unlink struct {
	Reason string `json:"reason,omitempty"` // for the receipt: "admin", "operator", "provider"
}

// UnlinkResult says that the link is fenced: nothing is written for it any more, and
// the erasure is on its way.
type UnlinkResult struct {
	DeboardID string    `json:"deboard_id"`
	FencedAt  time.Time `json:"fenced_at"`
}

// LinkState is what the status query of a Link answers.
type LinkState struct {
	Status        string    `json:"status"`
	Since         time.Time `json:"since"`
	Errors        []string  `json:"errors,omitempty"` // what is wrong and what helps, as the org's people see it
	MissingScopes []string  `json:"missing_scopes,omitempty"`
}

// HarvestInput begins a Harvest. From and To are for operators: the window to look at
// instead of the time since the last harvest.
type HarvestInput struct {
	provider.AccountRef
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// HarvestResult is one pass over the ledger.
type HarvestResult struct {
	WindowsListed int    `json:"windows_listed"`
	MeetingsFound int    `json:"meetings_found"`
	MeetingsRead  int    `json:"meetings_read"`
	LiveRead      int    `json:"live_read,omitempty"` // meetings that ran
	Legs          int    `json:"legs"`
	MediaSamples  int    `json:"media_samples"`
	Requests      int    `json:"requests"`
	Quarantined   int    `json:"quarantined"`
	Remaining     int    `json:"remaining"`               // meetings due and not read
	Stopped       string `json:"stopped,omitempty"`       // why the pass ended early: an error type
	StoppedDaily  bool   `json:"stopped_daily,omitempty"` // of rate_limited: until 00:00 UTC
	HeldBy        string `json:"held_by,omitempty"`       // another run consumes the ledger: its workflow id
	Woven         int    `json:"woven"`                   // call minutes, all orgs
	WaitingWeave  int    `json:"waiting_weave"`           // meetings whose device data is not complete yet
}

// WeaveInput asks for a bounded batch of an org's meetings that were read since they
// were last woven.
type WeaveInput struct {
	provider.AccountRef
	OrgID uuid.UUID `json:"org_id"`
}

// WeaveResult is one batch.
type WeaveResult struct {
	Meetings    int `json:"meetings"`
	LegsMatched int `json:"legs_matched"`
	Minutes     int `json:"minutes"`
	BadMinutes  int `json:"bad_minutes"`
	Remaining   int `json:"remaining"` // ready to be woven now
	Waiting     int `json:"waiting"`   // device data not complete up to their end yet
}

// CollectDevicesInput begins a CollectDevices.
type CollectDevicesInput struct {
	OrgID uuid.UUID `json:"org_id"`
}

// CollectDevicesResult is one poll of an org's network.
type CollectDevicesResult struct {
	Sites    int    `json:"sites"`
	Clients  int    `json:"clients"`
	Leases   int    `json:"leases"`
	Samples  int    `json:"samples"`
	Requests int    `json:"requests"`
	Woven    int    `json:"woven"` // call minutes woven after the poll
	Failure  string `json:"failure,omitempty"`
}

// TrainInput begins a Train.
type TrainInput struct {
	OrgID uuid.UUID `json:"org_id"`
}

// TrainResult says what an org's minutes taught: counts and scores, of no person.
type TrainResult struct {
	Version    int                `json:"version"`           // 0: too little data, the factory's model goes on
	Factory    bool               `json:"factory,omitempty"` // what faults do is the factory's still
	Minutes    int                `json:"minutes"`
	BadMinutes int                `json:"bad_minutes"`
	Scores     map[string]float64 `json:"scores,omitempty"` // held out
}

// DeboardInput begins a Deboard.
type DeboardInput struct {
	provider.AccountRef
	OrgID  uuid.UUID `json:"org_id"`
	Reason string    `json:"reason"`
}

// Fenced is a fence that stands.
type Fenced struct {
	ReceiptID uuid.UUID     `json:"receipt_id"`
	FencedAt  time.Time     `json:"fenced_at"`
	Finished  bool          `json:"finished"` // everything was erased already
	Result    DeboardResult `json:"result"`   // so far
}

// ReceiptInput names the receipt that an activity works for.
type ReceiptInput struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
}

// EraseProgress is what batches of an erasure did.
type EraseProgress struct {
	Rows int64 `json:"rows"`
	More bool  `json:"more"`
}

// Erased is the outcome of an attempt to finish an erasure.
type Erased struct {
	Done   bool          `json:"done"` // false: rows came up, go on
	Result DeboardResult `json:"result"`
}

// DeboardResult ends a Deboard. No row of the link remains.
type DeboardResult struct {
	ReceiptID    uuid.UUID `json:"receipt_id"`
	RowsErased   int64     `json:"rows_erased"`
	LastLink     bool      `json:"last_link"`     // of the account: its own data went too
	TokenOutcome string    `json:"token_outcome"` // as in the receipt
}

// RevokeInput begins a Revoke: the receipt that waits for it.
type RevokeInput struct {
	provider.AccountRef
	ReceiptID uuid.UUID `json:"receipt_id"`
}

// RevokeResult ends a Revoke.
type RevokeResult struct {
	TokenOutcome string `json:"token_outcome"` // as in the receipt
}

// SweepInput begins a Sweep.
type SweepInput struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
}

// SweepResult is what one look of a Sweep found.
type SweepResult struct {
	Deleted int `json:"deleted"` // executions whose deletion was asked for
	Left    int `json:"left"`    // executions that are still there, those just deleted among them
}

// RetainResult ends a Retain.
type RetainResult struct {
	Authorizations int64 `json:"authorizations"` // attempts to link that came to nothing
	Expired
}

// Expired is what was removed because its days are over.
type Expired struct {
	Partitions int   `json:"partitions,omitempty"` // of a day, dropped whole
	Rows       int64 `json:"rows,omitempty"`       // of those who keep less than others
	Busy       int   `json:"busy,omitempty"`       // partitions in use, left to the next run
}

// ForgottenGrant says that a grant which no link came of could not be revoked, and why.
type ForgottenGrant struct {
	AuthorizationID uuid.UUID `json:"authorization_id"`
	ErrorType       string    `json:"error_type"`
}

// GaveUp says that a grant could not be revoked in time, and why.
type GaveUp struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	ErrorType string    `json:"error_type"`
}
