package workflows

import "go.temporal.io/sdk/workflow"

// Link is being written.
func Link(ctx workflow.Context, in LinkInput) error { return nil }

// Authorize is being written.
func Authorize(ctx workflow.Context, in AuthorizeInput) (AuthorizeResult, error) {
	return AuthorizeResult{}, nil
}

// Deboard is being written.
func Deboard(ctx workflow.Context, in DeboardInput) (DeboardResult, error) {
	return DeboardResult{}, nil
}

// Revoke is being written.
func Revoke(ctx workflow.Context, in RevokeInput) (RevokeResult, error) { return RevokeResult{}, nil }
