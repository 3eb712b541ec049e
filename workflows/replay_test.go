package workflows_test

import (
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/worker"

	"callweave/workflows"
)

// TestReplay holds every workflow to the histories of earlier builds: what they decided
// then, this build must decide too. A failure means that running workflows would break:
// put the change behind workflow.GetVersion. How histories are recorded stands at
// TestRecordHistories in deploy/local.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/replay/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".json")])
		seen[name] = true
		t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.RegisterWorkflows(replayer)
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(nil, file); err != nil {
				t.Error(err)
			}
		})
	}
	for _, name := range []string{
		workflows.AuthorizeWorkflow, workflows.LinkWorkflow, workflows.HarvestWorkflow, workflows.CollectDevicesWorkflow,
		workflows.DeboardWorkflow, workflows.RevokeWorkflow, workflows.ReceiveWorkflow, workflows.ResealWorkflow,
		workflows.SweepWorkflow, workflows.RetainWorkflow, workflows.BackfillWorkflow, workflows.DisownWorkflow,
	} {
		if !seen[name] {
			t.Errorf("there is no history of %s", name)
		}
	}
}
