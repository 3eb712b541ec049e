package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// Train learns from an org's own call minutes how its latency, jitter and loss come about,
// for the explanations from now on. Its Schedule starts it daily. An org with too little
// data goes on with the factory's model.
func Train(ctx workflow.Context, in TrainInput) (TrainResult, error) {
	if err := in.Validate(); err != nil {
		return TrainResult{}, invalidInput(TrainWorkflow, err)
	}
	if err := findable(ctx, OrgIDKey, in.OrgID.String()); err != nil {
		return TrainResult{}, err
	}
	workflow.SetCurrentDetails(ctx, "Learning from the org's call minutes.")
	var result TrainResult
	err := workflow.ExecuteActivity(training(ctx, in.OrgID.String(), "learn from the call minutes of "+in.OrgID.String()), TrainActivity, in).Get(ctx, &result)
	if err != nil {
		return TrainResult{}, err
	}
	workflow.SetCurrentDetails(ctx, trainDetails(result))
	return result, nil
}

func trainDetails(r TrainResult) string {
	if r.Version == 0 {
		return fmt.Sprintf("%d call minutes, %d of them bad, are too few to learn from: the factory's model goes on.", r.Minutes, r.BadMinutes)
	}
	if r.Factory {
		return fmt.Sprintf("Model %d learned from %d call minutes what good ones have; %d bad ones are too few to learn what faults do, which is the factory's still.",
			r.Version, r.Minutes, r.BadMinutes)
	}
	return fmt.Sprintf("Model %d learned from %d call minutes, %d of them bad.", r.Version, r.Minutes, r.BadMinutes)
}
