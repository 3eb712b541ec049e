package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// findable makes sure that a workflow is found by account or org, as its schedule's runs
// are, when somebody started it by hand: an unlinking erases what it finds.
func findable(ctx workflow.Context, key temporal.SearchAttributeKeyKeyword, value string, also ...temporal.SearchAttributeUpdate) error {
	if _, there := workflow.GetTypedSearchAttributes(ctx).GetKeyword(key); there {
		return nil
	}
	if workflow.GetVersion(ctx, changeFindable, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	return workflow.UpsertTypedSearchAttributes(ctx, append(also, key.ValueSet(value))...)
}
