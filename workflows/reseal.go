package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"
)

// resealPause is how long a Reseal waits before it looks again at values that a program
// with an older keyset goes on sealing.
const resealPause = time.Minute

// Reseal brings everything that the master keyset sealed to its primary key: the values
// in the database, the inputs of schedules, and the running Links, whose histories begin
// anew. It passes over the values until none is left under an older key that can be
// read. It may be stopped and begun again at any point: where it stands is in the
// ciphertexts themselves.
func Reseal(ctx workflow.Context, in ResealInput) (ResealResult, error) {
	r := &reseal{result: in.Carried}
	r.result.KeyID = in.KeyID
	err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (ResealResult, error) { return r.result, nil },
		workflow.QueryHandlerOptions{Description: "What is resealed, and what is left"})
	if err != nil {
		return ResealResult{}, err
	}
	return r.run(ctx)
}

type reseal struct{ result ResealResult }

func (r *reseal) run(ctx workflow.Context) (ResealResult, error) {
	if err := r.count(ctx); err != nil {
		return ResealResult{}, err
	}
	for {
		unreadable, err := r.pass(ctx)
		if err != nil {
			return ResealResult{}, err
		}
		r.result.Unreadable = unreadable
		r.result.Passes++
		if err := r.count(ctx); err != nil {
			return ResealResult{}, err
		}
		if r.result.Left <= unreadable {
			break
		}
		r.show(ctx, "waiting for programs that seal with an older key: give every worker and starter the promoted keyset")
		if err := workflow.NewTimerWithOptions(ctx, resealPause, workflow.TimerOptions{Summary: "Next pass"}).Get(ctx, nil); err != nil {
			return ResealResult{}, err
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return ResealResult{}, workflow.NewContinueAsNewError(ctx, ResealWorkflow, ResealInput{KeyID: r.result.KeyID, Carried: r.result})
		}
	}
	var runs ResealedRuns
	err := workflow.ExecuteActivity(resealing(ctx, "Reseal schedules, renew links"), ResealRunsActivity, r.result).Get(ctx, &runs)
	if err != nil {
		return ResealResult{}, err
	}
	r.result.Schedules, r.result.Links = runs.Schedules, runs.Links
	r.show(ctx, "done")
	return r.result, nil
}

// count says how much is left, and settles on a key where the input names none.
func (r *reseal) count(ctx workflow.Context) error {
	var counted SealedCount
	err := workflow.ExecuteActivity(resealing(ctx, "Count what is sealed with older keys"), CountSealedActivity, ResealInput{KeyID: r.result.KeyID}).Get(ctx, &counted)
	if err != nil {
		return err
	}
	r.result.KeyID, r.result.Left = counted.KeyID, counted.Left
	r.show(ctx, "resealing")
	return nil
}

// pass looks at every value once and returns how many no key opens.
func (r *reseal) pass(ctx workflow.Context) (int64, error) {
	var unreadable int64
	next := ResealBatch{KeyID: r.result.KeyID}
	for {
		var done ResealedBatch
		err := workflow.ExecuteActivity(resealing(ctx, "Reseal values"), ResealBatchActivity, next).Get(ctx, &done)
		if err != nil {
			return 0, err
		}
		unreadable += done.Unreadable
		r.result.Resealed += done.Resealed
		r.result.Left = max(0, r.result.Left-done.Resealed)
		r.show(ctx, "resealing")
		if done.Done {
			return unreadable, nil
		}
		next.At = done.Next
	}
}

func (r *reseal) show(ctx workflow.Context, progress string) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Seals with key `%d` what older keys sealed.\n\n- **Progress:** %s\n- **Resealed:** %d\n- **Left:** %d\n- **Unreadable:** %d\n",
		r.result.KeyID, progress, r.result.Resealed, r.result.Left, r.result.Unreadable))
}
