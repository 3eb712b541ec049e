package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

const (
	// sweepFirst and sweepMost are how long a Sweep waits before a look: those who started
	// it close within seconds, a closed workflow is deleted within a minute, a revocation
	// may hold one open for a week.
	sweepFirst = 5 * time.Second
	sweepMost  = time.Hour
)

// Sweep erases what workflows themselves remember of an unlinked link: their executions,
// histories and all, and those of account and org where these went with it. It waits for
// whatever still runs, and ends when none is left. Neither its id nor what it carries
// names anybody, and it is nobody's child: the parent's id would.
func Sweep(ctx workflow.Context, in SweepInput) (SweepResult, error) {
	if err := in.Validate(); err != nil {
		return SweepResult{}, invalidInput(SweepWorkflow, err)
	}
	for wait := sweepFirst; ; wait = min(2*wait, sweepMost) {
		if err := workflow.Sleep(ctx, wait); err != nil {
			return SweepResult{}, err
		}
		var result SweepResult
		err := workflow.ExecuteActivity(sweeping(ctx, "Delete executions that have closed"), SweepActivity, in).Get(ctx, &result)
		if err != nil || result.Left == 0 {
			return result, err
		}
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("Erases the histories behind receipt `%s`: %d executions are left.", in.ReceiptID, result.Left))
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return result, workflow.NewContinueAsNewError(ctx, SweepWorkflow, in)
		}
	}
}
