package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// RegisterWorkflows registers every workflow under its type's name. Workers, tests and
// the replayer share it.
func RegisterWorkflows(registry worker.WorkflowRegistry) {
	for name, function := range map[string]any{
		AuthorizeWorkflow:      Authorize,
		LinkWorkflow:           Link,
		DeboardWorkflow:        Deboard,
		RevokeWorkflow:         Revoke,
		ReceiveWorkflow:        Receive,
		SweepWorkflow:          Sweep,
		RetainWorkflow:         Retain,
		ResealWorkflow:         Reseal,
		DisownWorkflow:         Disown,
		HarvestWorkflow:        Harvest,
		BackfillWorkflow:       Backfill,
		CollectDevicesWorkflow: CollectDevices,
		TrainWorkflow:          Train,
	} {
		registry.RegisterWorkflowWithOptions(function, workflow.RegisterOptions{Name: name})
	}
}
