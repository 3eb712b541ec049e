package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// Retain drops what has expired. Its Schedule starts it again.
func Retain(ctx workflow.Context) (RetainResult, error) {
	var result RetainResult
	err := workflow.ExecuteActivity(bookkeeping(ctx, "Drop attempts to link that came to nothing"), RetainActivity).Get(ctx, &result)
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Dropped %d attempts to link that came to nothing.", result.Authorizations))
	return result, err
}
