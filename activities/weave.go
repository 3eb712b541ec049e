package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"callweave/internal/weave"
	"callweave/workflows"
)

// Weaver makes call minutes.
type Weaver struct {
	weaver *weave.Weaver
}

// NewWeaver builds the activity of weaving.
func NewWeaver(weaver *weave.Weaver) *Weaver { return &Weaver{weaver: weaver} }

// Weave weaves some hundred of an account's meetings for an org. A meeting lands whole and
// replaces what was there, so that a repetition goes on where the last attempt stopped.
func (w *Weaver) Weave(ctx context.Context, in workflows.WeaveInput) (workflows.WeaveResult, error) {
	woven, err := w.weaver.Weave(ctx, in.AccountRef, in.OrgID, func() { activity.RecordHeartbeat(ctx) })
	if err != nil {
		return workflows.WeaveResult{}, toApplicationError(err)
	}
	return workflows.WeaveResult{
		Meetings: woven.Meetings, LegsMatched: woven.LegsMatched, Minutes: woven.Minutes,
		BadMinutes: woven.BadMinutes, Remaining: woven.Ready, Waiting: woven.Waiting,
	}, nil
}
