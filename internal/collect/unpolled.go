package collect

import (
	"context"
	"fmt"

	"callweave/internal/store"
	"callweave/internal/store/db"
)

// polled reports whether an org has a network that we can ask. One that has none tells its
// past by imports.
func polled(org db.Org) bool { return org.MistUrl != "" }

// unpolled lets what is known of a network that nobody polls count as complete up to some
// time ago: meetings until then are woven with what was imported. An import that comes
// later completes them then.
func (c *Collector) unpolled(ctx context.Context, org db.Org) (Result, error) {
	now := c.cfg.Now().UTC()
	err := c.store.LandDevices(ctx, store.DeviceLanding{OrgID: org.OrgID, SyncedAt: now.Add(-c.cfg.ImportWait)})
	if err != nil {
		return Result{}, fmt.Errorf("go on without a network of %s: %w", org.OrgID, err)
	}
	return Result{}, nil
}
