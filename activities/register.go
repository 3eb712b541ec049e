// Package activities does the I/O that workflows decide about: one file per
// collaborator, structs with injected dependencies, every activity idempotent and
// registered under its explicit name from workflows/names.go, so that renaming a method
// cannot break a history.
package activities

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"callweave/workflows"
)

// Set is all that a worker hosts. A nil member registers nothing.
type Set struct {
	Harvest   *Harvest
	Backfills *Backfills
	Devices   *Devices
	Weaver    *Weaver
	Links     *Links
	Schedules *Schedules
	Erasure   *Erasure
	Resealing *Resealing
	Inbox     *Inbox
	Sweeps    *Sweeps
	Retention *Retention
	Training  *Training
}

// Register registers every activity of the set under its name. The registry's worker
// should be built with worker.Options.DisableRegistrationAliasing, so that no second,
// implicit name exists.
func Register(registry worker.ActivityRegistry, set Set) {
	if set.Links != nil {
		registerAll(registry, map[string]any{
			workflows.ExchangeCodeActivity: set.Links.ExchangeCode,
			workflows.LandGrantActivity:    set.Links.LandGrant,
			workflows.RefuseActivity:       set.Links.RefuseAuthorization,
			workflows.DisownActivity:       set.Links.DisownGrant,
			workflows.ForgetGrantActivity:  set.Links.ForgetGrant,
			workflows.StartLinkActivity:    set.Links.StartLink,
			workflows.CheckLinkActivity:    set.Links.CheckLink,
		})
	}
	if set.Schedules != nil {
		registerAll(registry, map[string]any{
			workflows.EnsureHarvestActivity: set.Schedules.EnsureHarvestSchedule,
			workflows.EnsureDevicesActivity: set.Schedules.EnsureDevicesSchedule,
			workflows.StopSchedulesActivity: set.Schedules.StopSchedules,
		})
	}
	if set.Erasure != nil {
		registerAll(registry, map[string]any{
			workflows.FenceLinkActivity:     set.Erasure.FenceLink,
			workflows.KeepGrantActivity:     set.Erasure.KeepGrantForRevocation,
			workflows.EraseActivity:         set.Erasure.EraseBatch,
			workflows.FinishErasureActivity: set.Erasure.FinishErasure,
			workflows.RevokeGrantActivity:   set.Erasure.RevokeGrant,
			workflows.GiveUpRevokeActivity:  set.Erasure.GiveUpRevocation,
		})
	}
	if set.Sweeps != nil {
		registerAll(registry, map[string]any{
			workflows.StartSweepActivity: set.Sweeps.StartSweep,
			workflows.SweepActivity:      set.Sweeps.SweepHistories,
		})
	}
	if set.Retention != nil {
		registerAll(registry, map[string]any{
			workflows.RetainActivity: set.Retention.DropStaleAuthorizations,
			workflows.ExpireActivity: set.Retention.Expire,
		})
	}
	if set.Inbox != nil {
		registerAll(registry, map[string]any{
			workflows.ReadInboxActivity:   set.Inbox.ReadInbox,
			workflows.TriggerActivity:     set.Inbox.TriggerHarvests,
			workflows.DeauthorizeActivity: set.Inbox.Deauthorize,
			workflows.PurgeInboxActivity:  set.Inbox.PurgeInbox,
		})
	}
	if set.Harvest != nil {
		registerAll(registry, map[string]any{
			workflows.PlanActivity:          set.Harvest.PlanHarvest,
			workflows.ListMeetingsActivity:  set.Harvest.ListMeetings,
			workflows.ReadMeetingsActivity:  set.Harvest.ReadMeetings,
			workflows.ReadLiveActivity:      set.Harvest.ReadLive,
			workflows.FinishHarvestActivity: set.Harvest.FinishHarvest,
		})
	}
	if set.Backfills != nil {
		registerAll(registry, map[string]any{
			workflows.BeginBackfillActivity:  set.Backfills.BeginBackfill,
			workflows.LookAtBackfillActivity: set.Backfills.LookAtBackfill,
			workflows.PauseBackfillActivity:  set.Backfills.PauseBackfill,
			workflows.EndBackfillActivity:    set.Backfills.EndBackfill,
		})
	}
	if set.Devices != nil {
		registerAll(registry, map[string]any{workflows.CollectDevicesActivity: set.Devices.CollectDevices})
	}
	if set.Training != nil {
		registerAll(registry, map[string]any{workflows.TrainActivity: set.Training.TrainModel})
	}
	if set.Resealing != nil {
		registerAll(registry, map[string]any{
			workflows.CountSealedActivity: set.Resealing.CountSealed,
			workflows.ResealBatchActivity: set.Resealing.ResealBatch,
			workflows.ResealRunsActivity:  set.Resealing.ResealRuns,
		})
	}
	if set.Weaver != nil {
		registerAll(registry, map[string]any{workflows.WeaveActivity: set.Weaver.Weave})
	}
}

func registerAll(registry worker.ActivityRegistry, byName map[string]any) {
	for name, function := range byName {
		registry.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
}
