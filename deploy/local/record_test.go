package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"callweave/internal/secret"
	"callweave/internal/temporalclient"
	"callweave/internal/vault"
)

var record = flag.String("record", "", "directory to record workflow histories into, one of each type, for the replay test")

// TestRecordHistories writes the histories that workflows/replay_test.go replays. They
// must come from the build that is deployed, never from the change they are to guard:
//
//	git switch --detach <release> && go test ./deploy/local -run TestRecordHistories -record "$PWD/workflows/testdata/replay/<release>"
func TestRecordHistories(t *testing.T) {
	t.Parallel()
	if *record == "" {
		t.Skip("nothing to do without -record")
	}
	m := startTest(t, t.TempDir())
	stopAtEnd(t, m)
	if _, err := live(t.Context(), m, newProgress(testWriter{t})); err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(secret.New(m.kept.Keyset))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.DialContext(t.Context(), client.Options{HostPort: m.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(*record, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, execution := range list.GetExecutions() {
		if execution.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			continue
		}
		var history historypb.History
		events := c.GetWorkflowHistory(t.Context(), execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			history.Events = append(history.Events, event)
		}
		unseal(t, temporalclient.NewCodec(master), &history)
		text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(&history)
		if err != nil {
			t.Fatal(err)
		}
		// The last of a type to be listed is the first that ran.
		if err := os.WriteFile(filepath.Join(*record, execution.GetType().GetName()+".json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// unseal opens the payloads, so that replaying needs no key.
func unseal(t *testing.T, codec converter.PayloadCodec, history *historypb.History) {
	t.Helper()
	err := proxy.VisitPayloads(t.Context(), history, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, sealed []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return codec.Decode(sealed)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}
