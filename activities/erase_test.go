package activities

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

// eraseBundle is an account with one link, fenced, and what erases it.
type eraseBundle struct {
	url     string
	store   *store.Store
	ref     provider.AccountRef
	org     uuid.UUID
	receipt uuid.UUID
}

func setupErase(t *testing.T) *eraseBundle {
	t.Helper()
	b := &eraseBundle{url: testenv.Postgres(t), ref: provider.AccountRef{Provider: provider.Zoom, AccountID: "account"}, org: uuid.New()}
	var err error
	if b.store, err = store.Open(t.Context(), b.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	err = b.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: b.org, Name: "Org", MistUrl: "https://mist.example", MistTokenSealed: []byte{}})
	if err != nil {
		t.Fatal(err)
	}
	conn := b.connect(t)
	for _, sql := range []string{
		`insert into accounts (provider, account_id) values ('zoom', 'account')`,
		`insert into credentials (provider, account_id, grant_sealed, scopes, access_expires_at) values ('zoom', 'account', 'nothing', '{}', now())`,
		`insert into links (provider, account_id, org_id, linked_by_sealed) select 'zoom', 'account', org_id, '' from orgs`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := b.store.Fence(t.Context(), b.ref, b.org, "test", "admin")
	if err != nil {
		t.Fatal(err)
	}
	b.receipt = receipt.ReceiptID
	return b
}

func (b *eraseBundle) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (b *eraseBundle) newVault(t *testing.T) *vault.Vault {
	t.Helper()
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	return vault.New(master, b.store)
}

// run runs an activity of an erasure.
func (b *eraseBundle) run(t *testing.T, function any, beat func(), result any) error {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(function)
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { beat() })
	value, err := env.ExecuteActivity(function, workflows.ReceiptInput{ReceiptID: b.receipt})
	if err != nil {
		return err
	}
	return value.Get(result)
}

// Counting and checking may take long, and longer than a heartbeat may be missing.
func TestErasureBeatsWhileItCounts(t *testing.T) {
	t.Parallel()
	for name, function := range map[string]func(e *Erasure) any{
		"count":  func(e *Erasure) any { return e.EraseBatch },
		"finish": func(e *Erasure) any { return e.FinishErasure },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupErase(t)
			holding := b.connect(t)
			if _, err := holding.Exec(t.Context(), `begin; lock table call_minutes`); err != nil {
				t.Fatal(err)
			}
			beats, ended := make(chan struct{}, 100), make(chan error, 1)
			go func() {
				ended <- b.run(t, function(&Erasure{Store: b.store}), func() { beats <- struct{}{} }, new(any))
			}()
			select {
			case <-beats:
			case <-time.After(20 * time.Second):
				t.Error("no heartbeat while the rows are counted")
			}
			if _, err := holding.Exec(t.Context(), `commit`); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil && name == "count" {
				t.Error(err)
			}
		})
	}
}

func TestBeatingGoesOnAndEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		beats := 0
		beating(t.Context(), func() { beats++ }, func() { <-time.After(3*beatEvery + time.Second) })
		<-time.After(10 * beatEvery)
		if beats != 4 {
			t.Errorf("%d beats in three intervals and after, want 4", beats)
		}
	})
}
