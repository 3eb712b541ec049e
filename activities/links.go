package activities

import (
	"context"

	"callweave/workflows"
)

// Links is being written.
type Links struct{}

// ExchangeCode is being written.
func (l *Links) ExchangeCode(ctx context.Context, in workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
	return workflows.AuthorizeResult{}, toApplicationError(nil)
}
