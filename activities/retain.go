package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"callweave/internal/store"
	"callweave/workflows"
)

// Retention drops what has expired.
type Retention struct {
	Store *store.Store
	// Keep is for how long the data of orgs are kept that say nothing themselves.
	Keep store.Keep
}

// DropStaleAuthorizations forgets attempts to link that came to nothing long ago.
// Repeating it finds nothing.
func (r *Retention) DropStaleAuthorizations(ctx context.Context) (workflows.RetainResult, error) {
	dropped, err := r.Store.DropStaleAuthorizations(ctx)
	return workflows.RetainResult{Authorizations: dropped}, toApplicationError(err)
}

// Expire removes what is no longer kept, once a day. Repeating it goes on.
func (r *Retention) Expire(ctx context.Context) (workflows.Expired, error) {
	expired, err := r.Store.Expire(ctx, r.Keep, time.Now(), func() { activity.RecordHeartbeat(ctx) })
	return workflows.Expired{Partitions: expired.Partitions, Rows: expired.Rows, Busy: expired.Busy}, toApplicationError(err)
}
