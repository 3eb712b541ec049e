package activities

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/workflows"
)

// What a worker sees to when it starts: a schedule, once, that runs at once and every
// hour, and that an operator may pause.
func TestRetainScheduleDropsWhatHasExpired(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	org := uuid.New()
	if err := s.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}}); err != nil {
		t.Fatal(err)
	}
	kept, dropped := uuid.New(), uuid.New()
	for id, ago := range map[uuid.UUID]time.Duration{kept: 23 * time.Hour, dropped: 25 * time.Hour} {
		err := s.OfferAuthorization(t.Context(), db.OfferAuthorizationParams{
			AuthorizationID: id, OrgID: org, Provider: "zoom", RequestedBy: "cli", VerifierSealed: []byte{}, ExpiresAt: time.Now().Add(-ago),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	hosted := worker.New(namespace.Client, workflows.TaskQueue, worker.Options{DisableRegistrationAliasing: true})
	workflows.RegisterWorkflows(hosted)
	Register(hosted, Set{Retention: &Retention{Store: s}})
	if err := hosted.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hosted.Stop)

	schedules := &Schedules{Store: s, Temporal: namespace.Client}
	handle := namespace.Client.ScheduleClient().GetHandle(t.Context(), workflows.RetainID)
	for range 2 { // every worker does, at every start
		if err := schedules.EnsureRetainSchedule(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "operator"}); err != nil {
			t.Fatal(err)
		}
	}
	description, err := handle.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if every := description.Schedule.Spec.Intervals[0].Every; every != time.Hour || !description.Schedule.State.Paused {
		t.Errorf("schedule: every %s, paused %v; want an hour, and the pause to stand", every, description.Schedule.State.Paused)
	}
	testenv.Eventually(t, func() string {
		if _, err := s.Authorization(t.Context(), dropped); err == nil {
			return "what has expired is not dropped"
		}
		return ""
	})
	if _, err := s.Authorization(t.Context(), kept); err != nil {
		t.Errorf("the younger one: %v", err)
	}
}
