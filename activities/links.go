package activities

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/credentials"
	"callweave/internal/store"
	"callweave/internal/vault"
	"callweave/workflows"
)

// Links makes links and looks after them.
type Links struct {
	Store       *store.Store
	Vault       *vault.Vault
	Credentials *credentials.Manager
	Temporal    client.Client
}

// StartLink starts the Link workflow of a link whose row has landed, or tells the one
// that runs to look at the row again. Repeating it only makes it look once more.
func (l *Links) StartLink(ctx context.Context, in workflows.LinkInput) error {
	_, err := l.Temporal.SignalWithStartWorkflow(ctx, workflows.LinkID(in.AccountRef, in.OrgID), workflows.ReauthorizedMessage, struct{}{},
		client.StartWorkflowOptions{
			TaskQueue:             workflows.TaskQueue,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:         "Account " + in.AccountRef.String() + " linked to org " + in.OrgID.String(),
			TypedSearchAttributes: temporal.NewSearchAttributes(
				workflows.ProviderKey.ValueSet(string(in.Provider)), workflows.AccountIDKey.ValueSet(in.AccountID),
				workflows.OrgIDKey.ValueSet(in.OrgID.String()), workflows.LinkStatusKey.ValueSet(workflows.StatusActive)),
		}, workflows.LinkWorkflow, in)
	return toApplicationError(err)
}

// CheckLink says what the link's row says. It changes nothing.
func (l *Links) CheckLink(ctx context.Context, in workflows.LinkInput) (workflows.LinkCheck, error) {
	row, err := l.Store.Link(ctx, in.AccountRef, in.OrgID)
	if errors.Is(err, store.ErrNotFound) {
		return workflows.LinkCheck{}, nil
	}
	if err != nil {
		return workflows.LinkCheck{}, toApplicationError(err)
	}
	return workflows.LinkCheck{
		Exists: true, Status: row.Link.Status, LinkedAt: row.Link.LinkedAt,
		Errors: row.Link.Errors, MissingScopes: row.Link.MissingScopes,
	}, nil
}
