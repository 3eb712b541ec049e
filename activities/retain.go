package activities

import (
	"context"

	"callweave/internal/store"
	"callweave/workflows"
)

// Retention drops what has expired.
type Retention struct{ Store *store.Store }

// DropStaleAuthorizations forgets attempts to link that came to nothing long ago.
// Repeating it finds nothing.
func (r *Retention) DropStaleAuthorizations(ctx context.Context) (workflows.RetainResult, error) {
	dropped, err := r.Store.DropStaleAuthorizations(ctx)
	return workflows.RetainResult{Authorizations: dropped}, toApplicationError(err)
}
