package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"callweave/internal/credentials"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
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
// that runs to look at the row again. The new credentials serve the account's other links
// as well: theirs look again, too. Repeating it only makes them look once more.
func (l *Links) StartLink(ctx context.Context, in workflows.LinkInput) error {
	links, err := l.Store.LinksOfAccount(ctx, in.AccountRef)
	if err != nil {
		return toApplicationError(err)
	}
	// Before the Link makes the schedule, where there is none: that starts a pass by itself.
	if err := l.harvestAnew(ctx, in.AccountRef, links); err != nil {
		return toApplicationError(err)
	}
	if err := l.startLink(ctx, in, workflows.ReauthorizedMessage); err != nil {
		return toApplicationError(err)
	}
	for _, link := range links {
		if link.OrgID == in.OrgID || link.Status == store.LinkUnlinking {
			continue
		}
		if err := l.startLink(ctx, workflows.LinkInput{AccountRef: in.AccountRef, OrgID: link.OrgID}, workflows.RecheckMessage); err != nil {
			return toApplicationError(err)
		}
	}
	return nil
}

// harvestAnew has an account harvested now that was authorized anew. That ended the tokens
// before, for which the pass that runs stops, or the last one has: nobody is to wait for the
// schedule's next time. An account whose last pass went well needs none.
func (l *Links) harvestAnew(ctx context.Context, ref provider.AccountRef, links []db.Link) error {
	well := !slices.ContainsFunc(links, func(link db.Link) bool { // a landing forgets that a pass failed
		return link.Status != store.LinkUnlinking && (link.LastStatus == nil || *link.LastStatus != syncedWell)
	})
	_, err := triggerHarvest(ctx, l.Temporal, ref, well)
	return err
}

// syncedWell is what a link says whose account's last pass went well.
const syncedWell = "success"

func (l *Links) startLink(ctx context.Context, in workflows.LinkInput, message string) error {
	_, err := l.Temporal.SignalWithStartWorkflow(ctx, workflows.LinkID(in.AccountRef, in.OrgID), message, struct{}{},
		client.StartWorkflowOptions{
			TaskQueue:             workflows.TaskQueue,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:         "Account " + in.AccountRef.String() + " linked to org " + in.OrgID.String(),
			TypedSearchAttributes: temporal.NewSearchAttributes(
				workflows.ProviderKey.ValueSet(string(in.Provider)), workflows.AccountIDKey.ValueSet(in.AccountID),
				workflows.OrgIDKey.ValueSet(in.OrgID.String()), workflows.LinkStatusKey.ValueSet(workflows.StatusActive)),
		}, workflows.LinkWorkflow, in)
	if err != nil {
		return fmt.Errorf("start link of %s to org %s: %w", in.AccountRef, in.OrgID, err)
	}
	return nil
}

// LinksFailed has links look at their rows that a dead credential took with it. A link that
// is not told finds out by itself within a quarter of an hour.
func (l *Links) LinksFailed(ctx context.Context, ref provider.AccountRef, orgs []uuid.UUID) {
	for _, org := range orgs {
		_ = l.Temporal.SignalWorkflow(ctx, workflows.LinkID(ref, org), "", workflows.RecheckMessage, struct{}{})
	}
}

// keepAliveFor is how long a look at a link waits for a refresh, which goes on without it: a
// provider that does not answer must not keep a Link from seeing that it is to be erased.
const keepAliveFor = 5 * time.Second

func (l *Links) keepAlive(ctx context.Context, ref provider.AccountRef) error {
	ctx, cancel := context.WithTimeout(ctx, keepAliveFor)
	defer cancel()
	return l.Credentials.KeepAlive(ctx, ref)
}

// CheckLink says what the link's row says, and keeps the account's credential from dying
// of old age where nothing else uses it. Repeating it changes nothing.
func (l *Links) CheckLink(ctx context.Context, in workflows.LinkInput) (workflows.LinkCheck, error) {
	if err := l.keepAlive(ctx, in.AccountRef); err != nil {
		activity.GetLogger(ctx).Warn("credential was not kept alive", "account_id", in.AccountID, "error", err)
	}
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
