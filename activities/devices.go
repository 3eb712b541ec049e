package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/collect"
	"callweave/internal/network"
	"callweave/internal/store"
	"callweave/workflows"
)

// Devices reads the networks of orgs.
type Devices struct {
	collector *collect.Collector
	store     *store.Store
}

// NewDevices builds the activities of device collection.
func NewDevices(collector *collect.Collector, store *store.Store) *Devices {
	return &Devices{collector: collector, store: store}
}

// CollectDevices polls an org's network once and names the accounts that are linked to
// the org. Repeating it is another poll: what is there stays as it is.
func (d *Devices) CollectDevices(ctx context.Context, in workflows.CollectDevicesInput) (workflows.CollectedDevices, error) {
	collected, err := d.collector.Collect(ctx, in.OrgID, func() { activity.RecordHeartbeat(ctx) })
	if err != nil {
		return workflows.CollectedDevices{}, collectionError(err)
	}
	links, err := d.store.LinksOfOrg(ctx, in.OrgID)
	if err != nil {
		return workflows.CollectedDevices{}, toApplicationError(err)
	}
	return workflows.CollectedDevices{
		Result: workflows.CollectDevicesResult{
			Sites: collected.Sites, Clients: collected.Clients, Leases: collected.Leases,
			Samples: collected.Samples, Requests: collected.Requests,
		},
		Skipped: collected.Skipped,
		Links:   links,
	}, nil
}

// collectionError gives the error of a network the type that a workflow decides by. The
// next poll is never far away: only what a moment may mend is tried again within one.
func collectionError(err error) error {
	class, _ := network.ClassOf(err)
	benign := temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign}
	switch class {
	case network.Unauthorized, network.Forbidden, network.Misconfigured:
		return applicationError(err, workflows.ErrMisconfigured, benign)
	case network.NotFound:
		return applicationError(err, workflows.ErrNotFound, benign)
	case network.RateLimited:
		return applicationError(err, workflows.ErrRateLimited, benign)
	case network.Malformed:
		return applicationError(err, workflows.ErrMalformed, temporal.ApplicationErrorOptions{NonRetryable: true})
	case network.Transient:
		return applicationError(err, workflows.ErrTransient, temporal.ApplicationErrorOptions{})
	}
	return toApplicationError(err)
}
