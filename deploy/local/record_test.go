package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"callweave/internal/secret"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/internal/vault"
	"callweave/workflows"
)

var record = flag.String("record", "", "directory to record workflow histories into, one of each type, for the replay test")

// TestRecordHistories writes the histories that workflows/replay_test.go replays. They
// must come from the build that is deployed, never from the change they are to guard:
//
//	git switch --detach <release> && go test ./deploy/local -run TestRecordHistories -record "$PWD/workflows/testdata/replay/<release>"
//
// What the life of a link does not come by is recorded where it is tested: internal/authorize.
func TestRecordHistories(t *testing.T) {
	t.Parallel()
	if *record == "" {
		t.Skip("nothing to do without -record")
	}
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	master, err := vault.OpenMaster(secret.New(m.kept.Keyset))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.MkdirAll(*record, 0o755); err != nil {
		t.Fatal(err)
	}
	lived := make(chan error, 1)
	go func() {
		r, err := live(t.Context(), m, newProgress(testWriter{t}))
		if err == nil {
			err = awaitSweeps(t.Context(), m, len(r.receipts))
		}
		lived <- err
	}()
	// An unlinking takes histories with it, so they are recorded as workflows close.
	recorded := map[string]bool{}
	asked := false
	for {
		asked = asked || askBackfill(t, c, m)
		recordClosed(t, c, temporalclient.NewCodec(master), recorded)
		select {
		case err := <-lived:
			if err != nil {
				t.Fatal(err)
			}
			recordClosed(t, c, temporalclient.NewCodec(master), recorded)
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// askBackfill asks for an hour of the first account that is linked, as an operator does: the
// life of a link has no backfill. It reports whether there was one.
func askBackfill(t *testing.T, c client.Client, m *machine) bool {
	t.Helper()
	var in workflows.BackfillInput
	err := m.db.QueryRow(t.Context(), "select provider, account_id from links where status = 'active' and last_sync_at is not null limit 1").
		Scan(&in.Provider, &in.AccountID)
	if errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	if err == nil {
		in.To = time.Now().Add(-2 * time.Hour)
		in.From = in.To.Add(-time.Hour)
		_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.BackfillID(in.AccountRef, in.From), TaskQueue: workflows.TaskQueue,
		}, workflows.BackfillWorkflow, in)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// awaitSweeps waits until the histories behind some receipts are erased.
func awaitSweeps(ctx context.Context, m *machine, receipts int) error {
	return await(ctx, 200*time.Millisecond, func() (bool, error) {
		var swept int
		err := m.db.QueryRow(ctx, "select count(*) from receipts where histories_erased_at is not null").Scan(&swept)
		return swept == receipts, err
	})
}

// recordClosed writes the first completed workflow of every type that is not recorded yet.
func recordClosed(t *testing.T, c client.Client, codec converter.PayloadCodec, recorded map[string]bool) {
	t.Helper()
	list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Completed'", PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, execution := range slices.Backward(list.GetExecutions()) { // the first that ran is listed last
		name := execution.GetType().GetName()
		if recorded[name] {
			continue
		}
		text := testenv.History(t, c, codec, execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId())
		if err := os.WriteFile(filepath.Join(*record, name+".json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		recorded[name] = true
	}
}
