package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"callweave/internal/insight"
	"callweave/workflows"
)

// Training learns from orgs' call minutes.
type Training struct{ Trainer *insight.Trainer }

// TrainModel fits a model to an org's call minutes. Repeating it makes another version.
func (t *Training) TrainModel(ctx context.Context, in workflows.TrainInput) (workflows.TrainResult, error) {
	stop := beat(ctx)
	defer stop()
	trained, err := t.Trainer.Train(ctx, in.OrgID)
	if err != nil {
		return workflows.TrainResult{}, toApplicationError(err)
	}
	return workflows.TrainResult{
		Version: trained.Version, Factory: trained.Factory, Minutes: trained.Minutes, BadMinutes: trained.BadMinutes, Scores: trained.Scores,
	}, nil
}

// beat says that an activity goes on while it computes, until stop is called.
func beat(ctx context.Context) (stop context.CancelFunc) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return stop
}
