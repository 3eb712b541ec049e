package activities

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// trainEvery is how often an org's model learns anew.
const trainEvery = 24 * time.Hour

// retainEvery is how often what has expired is dropped.
const retainEvery = time.Hour

// minCatchup is the least catch-up window of a schedule. A missed run needs no catching
// up: the ledger and the devices' state say where the next one begins.
const minCatchup = time.Minute

// Schedules keeps one schedule per account and one per org, as long as a link needs them.
type Schedules struct {
	Store           *store.Store
	Temporal        client.Client
	HarvestInterval time.Duration
	DevicesInterval time.Duration
}

// EnsureHarvestSchedule sees to it that the account is harvested. Repeating it changes
// nothing; an operator's pause stands. A fenced error where no link needs it.
func (s *Schedules) EnsureHarvestSchedule(ctx context.Context, ref provider.AccountRef) error {
	return toApplicationError(s.ensure(ctx, s.harvest(ref), func(ctx context.Context) (bool, error) {
		account, _, err := s.Store.Needed(ctx, ref, uuid.Nil)
		return account, err
	}))
}

// EnsureDevicesSchedule sees to it that the org's devices are collected and its model
// trained, as [Schedules.EnsureHarvestSchedule] does for an account.
func (s *Schedules) EnsureDevicesSchedule(ctx context.Context, in workflows.CollectDevicesInput) error {
	needed := func(ctx context.Context) (bool, error) {
		_, org, err := s.Store.Needed(ctx, provider.AccountRef{}, in.OrgID)
		return org, err
	}
	for _, options := range []client.ScheduleOptions{s.devices(in.OrgID), s.training(in.OrgID)} {
		if err := s.ensure(ctx, options, needed); err != nil {
			return toApplicationError(err)
		}
	}
	return nil
}

// EnsureRetainSchedule sees to it that what has expired is dropped. A worker calls it when
// it starts; repeating it changes nothing.
func (s *Schedules) EnsureRetainSchedule(ctx context.Context) error {
	_, err := s.Temporal.ScheduleClient().Create(ctx, scheduleOf(workflows.RetainID, retainEvery, temporal.SearchAttributes{},
		&client.ScheduleWorkflowAction{Workflow: workflows.RetainWorkflow, StaticSummary: "Drop what has expired"}))
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf("schedule %s: %w", workflows.RetainID, err)
}

// StopSchedules deletes the schedules of a link that nothing else needs, and tells backfills
// of the account to look at what is left for them to do. Repeating it changes nothing.
func (s *Schedules) StopSchedules(ctx context.Context, in workflows.LinkInput) error {
	account, org, err := s.Store.Needed(ctx, in.AccountRef, in.OrgID)
	if err != nil {
		return toApplicationError(err)
	}
	if !account {
		err = errors.Join(s.delete(ctx, workflows.HarvestID(in.AccountRef)), s.tellBackfills(ctx, in.AccountRef))
	}
	if !org {
		err = errors.Join(err, s.delete(ctx, workflows.DevicesID(in.OrgID)), s.delete(ctx, workflows.TrainID(in.OrgID)))
	}
	if err != nil {
		return toApplicationError(err)
	}
	// A link may have come up since we looked, found its schedules there, and lost them to us.
	accountNow, orgNow, err := s.Store.Needed(ctx, in.AccountRef, in.OrgID)
	if err != nil {
		return toApplicationError(err)
	}
	if accountNow && !account {
		err = s.EnsureHarvestSchedule(ctx, in.AccountRef)
	}
	if orgNow && !org {
		err = errors.Join(err, s.EnsureDevicesSchedule(ctx, workflows.CollectDevicesInput{OrgID: in.OrgID}))
	}
	return toApplicationError(err)
}

// tellBackfills has an account's backfills see that nobody is linked to it any more. One that
// is not told finds out by itself within an hour.
func (s *Schedules) tellBackfills(ctx context.Context, ref provider.AccountRef) error {
	ids, err := s.Store.LiveBackfills(ctx, ref)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.Temporal.SignalWorkflow(ctx, id, "", workflows.RecheckMessage, struct{}{})
		if _, missing := errors.AsType[*serviceerror.NotFound](err); err != nil && !missing {
			return fmt.Errorf("tell %s: %w", id, err)
		}
	}
	return nil
}

// ensure creates a schedule that is needed, and takes it back where the last link was
// fenced at that moment: whichever of the two looks last tidies up.
func (s *Schedules) ensure(ctx context.Context, options client.ScheduleOptions, needed func(context.Context) (bool, error)) error {
	is, err := needed(ctx)
	if err != nil {
		return err
	}
	if !is {
		return fmt.Errorf("schedule %s: %w", options.ID, store.ErrFenced)
	}
	_, err = s.Temporal.ScheduleClient().Create(ctx, options)
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.adjust(ctx, options)
	}
	if err != nil {
		return fmt.Errorf("schedule %s: %w", options.ID, err)
	}
	if is, err = needed(ctx); err == nil && !is {
		if err = s.delete(ctx, options.ID); err == nil {
			err = fmt.Errorf("schedule %s: %w", options.ID, store.ErrFenced)
		}
	}
	return err
}

// adjust brings a schedule to the configured interval and leaves everything else as
// operators set it.
func (s *Schedules) adjust(ctx context.Context, options client.ScheduleOptions) error {
	handle := s.Temporal.ScheduleClient().GetHandle(ctx, options.ID)
	description, err := handle.Describe(ctx)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	if sameInterval(description.Schedule.Spec, options.Spec) {
		return nil
	}
	err = handle.Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := in.Description.Schedule
			schedule.Spec = &options.Spec
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		},
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

func sameInterval(have *client.ScheduleSpec, want client.ScheduleSpec) bool {
	return have != nil && len(have.Intervals) == 1 && have.Intervals[0].Every == want.Intervals[0].Every
}

// triggerHarvest starts an account's harvest now, or has one more come after the one that
// runs, and reports whether it did: there may be no schedule, and an operator's pause stands.
// afterAnother is for one that is wanted only where one runs.
func triggerHarvest(ctx context.Context, temporal client.Client, ref provider.AccountRef, afterAnother bool) (bool, error) {
	id := workflows.HarvestID(ref)
	schedule := temporal.ScheduleClient().GetHandle(ctx, id)
	description, err := schedule.Describe(ctx)
	if err == nil {
		if description.Schedule.State.Paused || afterAnother && len(description.Info.RunningWorkflows) == 0 {
			return false, nil
		}
		err = schedule.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE})
	}
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("trigger schedule %s: %w", id, err)
	}
	return true, nil
}

func (s *Schedules) delete(ctx context.Context, id string) error {
	err := s.Temporal.ScheduleClient().GetHandle(ctx, id).Delete(ctx)
	var missing *serviceerror.NotFound
	if err == nil || errors.As(err, &missing) {
		return nil
	}
	return fmt.Errorf("delete schedule %s: %w", id, err)
}

func (s *Schedules) harvest(ref provider.AccountRef) client.ScheduleOptions {
	attributes := temporal.NewSearchAttributes(
		workflows.ProviderKey.ValueSet(string(ref.Provider)), workflows.AccountIDKey.ValueSet(ref.AccountID))
	return scheduleOf(workflows.HarvestID(ref), s.HarvestInterval, attributes, &client.ScheduleWorkflowAction{
		Workflow:      workflows.HarvestWorkflow,
		Args:          []any{workflows.HarvestInput{AccountRef: ref}},
		StaticSummary: "Harvest account " + ref.String(),
		Priority:      workflows.PriorityOf(ref.String()),
	})
}

func (s *Schedules) devices(org uuid.UUID) client.ScheduleOptions {
	attributes := temporal.NewSearchAttributes(workflows.OrgIDKey.ValueSet(org.String()))
	return scheduleOf(workflows.DevicesID(org), s.DevicesInterval, attributes, &client.ScheduleWorkflowAction{
		Workflow:      workflows.CollectDevicesWorkflow,
		Args:          []any{workflows.CollectDevicesInput{OrgID: org}},
		StaticSummary: "Collect the devices of org " + org.String(),
		Priority:      workflows.PriorityOf(org.String()),
	})
}

func (s *Schedules) training(org uuid.UUID) client.ScheduleOptions {
	attributes := temporal.NewSearchAttributes(workflows.OrgIDKey.ValueSet(org.String()))
	options := scheduleOf(workflows.TrainID(org), trainEvery, attributes, &client.ScheduleWorkflowAction{
		Workflow:      workflows.TrainWorkflow,
		Args:          []any{workflows.TrainInput{OrgID: org}},
		StaticSummary: "Learn from the call minutes of org " + org.String(),
		Priority:      workflows.PriorityOf(org.String()),
	})
	options.TriggerImmediately = false // a link that just began has taught nothing yet
	return options
}

// scheduleOf spreads schedules over their interval: by an offset that is each one's own,
// so that accounts do not all start at once, and by some jitter.
func scheduleOf(id string, every time.Duration, attributes temporal.SearchAttributes, action *client.ScheduleWorkflowAction) client.ScheduleOptions {
	action.ID = id
	action.TaskQueue = workflows.TaskQueue
	action.TypedSearchAttributes = attributes
	return client.ScheduleOptions{
		ID: id,
		Spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: every, Offset: offsetOf(id, every)}},
			Jitter:    every / 4,
		},
		Action:                action,
		Overlap:               enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow:         max(every, minCatchup),
		TriggerImmediately:    true,
		TypedSearchAttributes: attributes,
	}
}

// offsetOf is a whole number of seconds below every: schedules know no less.
func offsetOf(id string, every time.Duration) time.Duration {
	seconds := uint64(every / time.Second)
	if seconds == 0 {
		return 0
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(id)) // never fails
	return time.Duration(hash.Sum64()%seconds) * time.Second
}
