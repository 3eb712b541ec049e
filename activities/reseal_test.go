package activities

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"callweave/internal/provider"
	"callweave/internal/reseal"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

// resealBundle is a database and a namespace that were used with an older key, and a
// worker with the promoted keyset.
type resealBundle struct {
	store    *store.Store
	old, now *vault.Master
	temporal client.Client
	org      uuid.UUID
	ref      provider.AccountRef
}

func openKeyset(t *testing.T, text secret.Text) *vault.Master {
	t.Helper()
	master, err := vault.OpenMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return master
}

func setupReseal(t *testing.T) *resealBundle {
	t.Helper()
	before, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	added, _, err := vault.AddKey(before)
	if err != nil {
		t.Fatal(err)
	}
	promoted, _, err := vault.PromoteKey(added, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := &resealBundle{
		old: openKeyset(t, added), now: openKeyset(t, promoted), org: uuid.New(),
		ref: provider.AccountRef{Provider: provider.Zoom, AccountID: "acc"},
	}
	if b.store, err = store.Open(t.Context(), testenv.Postgres(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	sealed, err := b.old.SealText(vault.PurposeNetworkToken, secret.New("token"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: b.org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: sealed}); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.New(b.old, b.store).Key(t.Context(), vault.OrgScope(b.org)); err != nil {
		t.Fatal(err)
	}

	namespace := testenv.Temporal(t)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), namespace.Client, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
	options := client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}
	dial := func(master *vault.Master) client.Client {
		c, err := temporalclient.Dial(t.Context(), options, master, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	b.sealedBefore(t, dial(b.old))
	b.temporal = dial(b.now)
	b.host(t, b.temporal, b.now)
	return b
}

// sealedBefore leaves a schedule whose input is sealed with the older key.
func (b *resealBundle) sealedBefore(t *testing.T, c client.Client) {
	t.Helper()
	schedules := &Schedules{Store: b.store, Temporal: c, HarvestInterval: time.Hour, DevicesInterval: time.Hour}
	options := schedules.harvest(b.ref)
	options.Paused, options.TriggerImmediately = true, false
	if _, err := c.ScheduleClient().Create(t.Context(), options); err != nil {
		t.Fatal(err)
	}
}

// host runs a worker that reseals.
func (b *resealBundle) host(t *testing.T, c client.Client, master *vault.Master) {
	t.Helper()
	hosted := worker.New(c, workflows.TaskQueue, worker.Options{
		DisableRegistrationAliasing: true, Interceptors: []interceptor.WorkerInterceptor{NewActors()},
	})
	workflows.RegisterWorkflows(hosted)
	Register(hosted, Set{Resealing: &Resealing{Store: b.store, Master: master, Codec: temporalclient.NewCodec(master), Temporal: c}})
	if err := hosted.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hosted.Stop)
}

func TestResealOnRealParts(t *testing.T) {
	t.Parallel()
	b := setupReseal(t)
	// A worker that was not given the promoted keyset yet leaves the work to the other.
	b.host(t, b.temporal, b.old)

	for run, want := range []workflows.ResealResult{
		{KeyID: b.now.PrimaryID(), Resealed: 2, Passes: 1, Schedules: 1},
		{KeyID: b.now.PrimaryID(), Passes: 1},
	} {
		started, err := b.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.ResealID, TaskQueue: workflows.TaskQueue},
			workflows.ResealWorkflow, workflows.ResealInput{KeyID: b.now.PrimaryID()})
		if err != nil {
			t.Fatal(err)
		}
		var got workflows.ResealResult
		if err := started.Get(t.Context(), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("run %d: %+v, want %+v", run, got, want)
		}
	}

	census, err := reseal.Count(t.Context(), b.store, b.now)
	if err != nil || census.Left() != 0 || census.Of(b.now.PrimaryID()).Values != 2 {
		t.Errorf("census %+v, %v", census, err)
	}
	schedule, err := b.temporal.ScheduleClient().GetHandle(t.Context(), workflows.HarvestID(b.ref)).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	action, _ := schedule.Schedule.Action.(*client.ScheduleWorkflowAction)
	payload, _ := action.Args[0].(*commonpb.Payload)
	if id, _ := vault.SealedBy(payload.GetData()); id != b.now.PrimaryID() {
		t.Errorf("the schedule's input is sealed with key %d, want %d", id, b.now.PrimaryID())
	}
	var input workflows.HarvestInput
	if err := temporalclient.NewDataConverter(b.now).FromPayload(payload, &input); err != nil || input.AccountRef != b.ref {
		t.Errorf("the schedule's input: %+v, %v", input, err)
	}
	if !schedule.Schedule.State.Paused {
		t.Error("an operator's pause was lifted")
	}
	log, err := b.store.AuditSince(t.Context(), store.ReadFilter{Limit: 10}, time.Time{})
	if err != nil || len(log) != 2 || log[0].Action != reseal.AuditAction || log[0].Actor != workflows.ResealID || log[0].Object != reseal.AuditObject(b.now.PrimaryID()) {
		t.Errorf("audit log %+v, %v", log, err)
	}
}

// The use of an access token is noted once for an activity, however often it is used.
func TestTokenUseIsNotedOncePerActivity(t *testing.T) {
	t.Parallel()
	b := setupReseal(t)
	activityContext := store.WithActor(t.Context(), "harvest/zoom/acc")
	for range 3 {
		if err := b.store.NoteUse(activityContext, b.ref); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.NoteUse(store.WithActor(t.Context(), "harvest/zoom/acc"), b.ref); err != nil {
		t.Fatal(err)
	}
	log, err := b.store.AuditSince(t.Context(), store.ReadFilter{Limit: 10}, time.Time{})
	if err != nil || len(log) != 2 || log[0].Actor != "harvest/zoom/acc" || log[0].Action != "token used" || log[0].Object != b.ref.String() {
		t.Errorf("audit log %+v, %v", log, err)
	}
}
