package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"callweave/internal/provider"
)

// CollectedDevices is what the activity of one poll returns.
type CollectedDevices struct {
	Result  CollectDevicesResult  `json:"result"`
	Skipped bool                  `json:"skipped,omitempty"` // the request budget does not allow a poll yet
	Links   []provider.AccountRef `json:"links"`             // accounts linked to the org
}

// maxWeaveBatches bounds a run's history; what remains is woven after the next poll.
const maxWeaveBatches = 50

// CollectDevices polls an org's network once and weaves, for every account linked to the
// org, the meetings whose device data became complete with it. Its Schedule starts it
// again; a failed poll is shown on the org and in the result, and the next one makes up
// for it.
func CollectDevices(ctx workflow.Context, in CollectDevicesInput) (CollectDevicesResult, error) {
	if err := findable(ctx, OrgIDKey, in.OrgID.String()); err != nil {
		return CollectDevicesResult{}, err
	}
	workflow.SetCurrentDetails(ctx, "Reading the network.")
	var collected CollectedDevices
	err := workflow.ExecuteActivity(collecting(ctx, in.OrgID.String(), "poll the network of "+in.OrgID.String()), CollectDevicesActivity, in).Get(ctx, &collected)
	result := collected.Result
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	if err != nil {
		result.Failure = ErrorType(err)
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("The poll failed: **%s**. The reason is shown on the org; the next poll makes up for it.", result.Failure))
		return result, nil
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Read %d clients at %d sites. Weaving.", result.Clients, result.Sites))

	waiting := 0
	for batches, links := 0, collected.Links; len(links) > 0 && batches < maxWeaveBatches; batches++ {
		var woven WeaveResult
		weave := WeaveInput{AccountRef: links[0], OrgID: in.OrgID}
		err := workflow.ExecuteActivity(weaving(ctx, in.OrgID.String(), "weave "+links[0].String()), WeaveActivity, weave).Get(ctx, &woven)
		if ctx.Err() != nil {
			return result, ctx.Err()
		}
		result.Woven += woven.Minutes
		switch failure := ErrorType(err); {
		case failure == ErrFenced: // unlinked meanwhile: nothing to weave any more
		case err != nil:
			// The other links go on.
			result.Failure = failure
		case woven.Remaining > 0 && woven.Meetings > 0:
			continue
		}
		waiting += woven.Waiting
		links = links[1:]
	}
	workflow.SetCurrentDetails(ctx, devicesDetails(result, waiting))
	return result, nil
}

func devicesDetails(r CollectDevicesResult, waiting int) string {
	text := fmt.Sprintf("Read %d clients at %d sites with %d requests: %d leases, %d samples. Wove %d call minutes.",
		r.Clients, r.Sites, r.Requests, r.Leases, r.Samples, r.Woven)
	if waiting > 0 {
		text += fmt.Sprintf(" %d meetings wait for device data.", waiting)
	}
	if r.Failure != "" {
		text += fmt.Sprintf(" Weaving failed: **%s**.", r.Failure)
	}
	return text
}
