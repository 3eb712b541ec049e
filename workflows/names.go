// Package workflows decides: what happens to a link, an account's ledger and an org's
// devices, in which order and how often. It is deterministic and does no I/O; everything
// that touches the world is an activity, called by the names below.
package workflows

import (
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
)

// TaskQueue is where workflows and activities run.
const TaskQueue = "callweave"

// The workflow types. Operators start them by these names with plain `temporal` or `tctl`.
const (
	AuthorizeWorkflow      = "Authorize"
	LinkWorkflow           = "Link"
	HarvestWorkflow        = "Harvest"
	BackfillWorkflow       = "Backfill"
	CollectDevicesWorkflow = "CollectDevices"
	DeboardWorkflow        = "Deboard"
	RevokeWorkflow         = "Revoke"
	ReceiveWorkflow        = "Receive"
	SweepWorkflow          = "Sweep"
	RetainWorkflow         = "Retain"
	ResealWorkflow         = "Reseal"
	DisownWorkflow         = "Disown"
	TrainWorkflow          = "Train"
)

// LivesLong reports whether workflows of a type wait for what comes, for days or months. Each of
// their rounds is a trace of its own: nobody would wait for the end of theirs.
func LivesLong(workflowType string) bool {
	switch workflowType {
	case LinkWorkflow, BackfillWorkflow, DeboardWorkflow, RevokeWorkflow, DisownWorkflow, SweepWorkflow, ResealWorkflow:
		return true
	}
	return false
}

// What a Link listens to. The signals and the updates of one name do the same; updates
// answer, signals can be sent by every tool.
const (
	UnlinkMessage       = "unlink"       // signal and update, [Unlink]
	ReauthorizedMessage = "reauthorized" // signal: the account has new credentials
	RecheckMessage      = "recheck"      // signal: look at the link's row again
	RenewMessage        = "renew"        // signal: continue as new, so that the history begins anew
	StatusQuery         = "status"       // query, [LinkStatus]
)

// What a Backfill listens to. It can be canceled, too, as every workflow.
const (
	PauseMessage  = "pause"    // signal and update
	ResumeMessage = "resume"   // signal and update
	ProgressQuery = "progress" // query, [BackfillProgress]
)

// ArrivedMessage is the signal to a Receive that something was stored in the inbox.
const ArrivedMessage = "arrived"

// The activity names.
const (
	ExchangeCodeActivity   = "ExchangeCode"
	LandGrantActivity      = "LandGrant"
	RefuseActivity         = "RefuseAuthorization"
	DisownActivity         = "DisownGrant"
	ForgetGrantActivity    = "ForgetGrant"
	StartLinkActivity      = "StartLink"
	CheckLinkActivity      = "CheckLink"
	EnsureHarvestActivity  = "EnsureHarvestSchedule"
	EnsureDevicesActivity  = "EnsureDevicesSchedule"
	PlanActivity           = "PlanHarvest"
	ListMeetingsActivity   = "ListMeetings"
	ReadMeetingsActivity   = "ReadMeetings"
	ReadLiveActivity       = "ReadLiveMeetings"
	FinishHarvestActivity  = "FinishHarvest"
	BeginBackfillActivity  = "BeginBackfill"
	LookAtBackfillActivity = "LookAtBackfill"
	PauseBackfillActivity  = "PauseBackfill"
	EndBackfillActivity    = "EndBackfill"
	WeaveActivity          = "Weave"
	CollectDevicesActivity = "CollectDevices"
	TrainActivity          = "TrainModel"
	FenceLinkActivity      = "FenceLink"
	StopSchedulesActivity  = "StopSchedules"
	KeepGrantActivity      = "KeepGrantForRevocation"
	RevokeGrantActivity    = "RevokeGrant"
	GiveUpRevokeActivity   = "GiveUpRevocation"
	EraseActivity          = "EraseBatch"
	FinishErasureActivity  = "FinishErasure"
	StartSweepActivity     = "StartSweep"
	SweepActivity          = "SweepHistories"
	RetainActivity         = "DropStaleAuthorizations"
	ExpireActivity         = "Expire"
	ReadInboxActivity      = "ReadInbox"
	TriggerActivity        = "TriggerHarvests"
	DeauthorizeActivity    = "Deauthorize"
	PurgeInboxActivity     = "PurgeInbox"
	CountSealedActivity    = "CountSealed"
	ResealBatchActivity    = "ResealBatch"
	ResealRunsActivity     = "ResealRuns"
)

// Error types decide about retrying; texts do not.
const (
	ErrRateLimited     = "rate_limited"             // carries the provider's own delay
	ErrReauthorization = "reauthorization_required" // the tenant must link again
	ErrMisconfigured   = "misconfigured"            // ours to mend, never the tenant's fault
	ErrNotFound        = "not_found"
	ErrMalformed       = "malformed"
	ErrTransient       = "transient"
	ErrFenced          = "fenced" // the link is being unlinked: nothing is written for it
	ErrInvalidInput    = "invalid_input"
	ErrRefused         = "refused"        // an authorization that cannot become a link
	ErrMissingScopes   = "missing_scopes" // the grant does not hold what a feature needs
	ErrSuperseded      = "superseded"     // the account was authorized once more before this grant was of use
	ErrNoGrant         = "no_grant"       // no code was exchanged: there is nothing that could land
	ErrUnlinking       = "unlinking"      // an earlier link of the same org and account is still being erased
)

// Search attributes; registered at start by internal/temporalclient.
var (
	ProviderKey   = temporal.NewSearchAttributeKeyKeyword("Provider")
	AccountIDKey  = temporal.NewSearchAttributeKeyKeyword("AccountId")
	OrgIDKey      = temporal.NewSearchAttributeKeyKeyword("OrgId")
	LinkStatusKey = temporal.NewSearchAttributeKeyKeyword("LinkStatus")
)

// Values of the search attribute LinkStatus.
const (
	StatusActive    = "active"
	StatusFailed    = "failed"
	StatusUnlinking = "unlinking"
	StatusUnlinked  = "unlinked"
)

// AuthorizeID is the workflow id of an authorization.
func AuthorizeID(authorization uuid.UUID) string { return "authorize/" + authorization.String() }

// DisownID is the workflow id of the revocation of a grant that no link came of. It names
// neither org nor account.
func DisownID(authorization uuid.UUID) string { return "disown/" + authorization.String() }

// LinkID is the workflow id of a link.
func LinkID(ref provider.AccountRef, org uuid.UUID) string {
	return "link/" + ref.String() + "/" + org.String()
}

// HarvestID is the id of an account's harvest and of its schedule.
func HarvestID(ref provider.AccountRef) string { return "harvest/" + ref.String() }

// BackfillID is the workflow id of the backfill of an account from a time on: there is one at
// a time.
func BackfillID(ref provider.AccountRef, from time.Time) string {
	return BackfillPrefix(ref) + from.UTC().Format(time.RFC3339)
}

// BackfillPrefix begins the workflow ids of an account's backfills and of their passes.
func BackfillPrefix(ref provider.AccountRef) string { return "backfill/" + ref.String() + "/" }

// DevicesID is the id of an org's device collection and of its schedule.
func DevicesID(org uuid.UUID) string { return "devices/" + org.String() }

// TrainID is the id of an org's training and of its schedule.
func TrainID(org uuid.UUID) string { return "train/" + org.String() }

// DeboardID is the workflow id of an unlinking.
func DeboardID(ref provider.AccountRef, org uuid.UUID) string {
	return "deboard/" + ref.String() + "/" + org.String()
}

// ResealID is the workflow id of the resealing: there is one at a time.
const ResealID = "reseal"

// RevokeID is the workflow id of the revocation that a receipt waits for.
func RevokeID(ref provider.AccountRef, receipt uuid.UUID) string {
	return "revoke/" + ref.String() + "/" + receipt.String()
}

// SweepID is the workflow id of the erasure of histories behind a receipt. It names nobody.
func SweepID(receipt uuid.UUID) string { return "sweep/" + receipt.String() }

// RetainID is the id of the schedule that drops what has expired, and of its workflow.
const RetainID = "retain"

// The changes of workflow code that running workflows must not see in the middle.
const (
	// 2026-11-23: the executions of an unlinked link are erased, too.
	changeSweep = "sweep-histories"
	// 2026-11-23: harvests and polls that were started by hand are found by account or org.
	changeFindable = "findable"
	// 2026-11-23: meetings that are due are read, also where a list did not come.
	changeReadAnyway = "read-anyway"
	// 2026-11-23: a grant outlives the trouble of the moment, and is revoked where no link comes of it.
	changeKeepGrant = "keep-grant"
	// 2026-11-23: what is kept for a number of days is removed after them.
	changeExpire = "expire"
)

// ReceiveID is the id of the schedule that has the inbox of webhooks looked into, and of
// the workflow.
const ReceiveID = "receive"
