package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// Retain drops what has expired. Its Schedule starts it again.
func Retain(ctx workflow.Context) (RetainResult, error) {
	var result RetainResult
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Drop attempts to link that came to nothing"), RetainActivity).Get(ctx, &result)
	text := fmt.Sprintf("Dropped %d attempts to link that came to nothing.", result.Authorizations)
	workflow.SetCurrentDetails(ctx, text)
	if err != nil || workflow.GetVersion(ctx, changeExpire, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return result, err
	}
	if err := workflow.ExecuteActivity(expiring(ctx, "Remove what is no longer kept"), ExpireActivity).Get(ctx, &result.Expired); err != nil {
		return result, err
	}
	workflow.SetCurrentDetails(ctx, text+fmt.Sprintf(" Of what is no longer kept, dropped %d partitions and removed %d rows.", result.Partitions, result.Rows))
	return result, nil
}
