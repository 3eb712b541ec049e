package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/links"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
)

// linkDetails is what the page of a link shows.
type linkDetails struct {
	link
	Access      *db.CredentialStateRow
	Permissions []permission
	Budget      store.Budget
	Gaps        []gap
	MoreGaps    bool
	MayHarvest  bool
	Saved       bool
	Wrong       string
}

// permission is what the provider is asked for, and why.
type permission struct {
	Name    string
	Reason  string
	Granted bool
	Scopes  []string // those of it that were granted, or any one that would do
}

// permissions are what a provider is asked for; granted are the scopes of an account.
// Features that are granted by the same scope are one.
func (c *Console) permissions(name provider.Name, granted []string) []permission {
	var list []permission
	for _, need := range c.requirements[name] {
		p := permission{Name: featureName(need.Feature), Reason: need.Reason}
		for _, scope := range need.AnyOf {
			if slices.Contains(granted, scope) {
				p.Granted, p.Scopes = true, []string{scope}
				break
			}
		}
		if !p.Granted && len(need.AnyOf) > 0 {
			p.Scopes = need.AnyOf[:1]
		}
		if last := len(list) - 1; last >= 0 && list[last].Reason == p.Reason && list[last].Granted == p.Granted {
			list[last].Name += ", " + lowered(p.Name)
			for _, scope := range p.Scopes {
				if !slices.Contains(list[last].Scopes, scope) {
					list[last].Scopes = append(slices.Clone(list[last].Scopes), scope)
				}
			}
			continue
		}
		list = append(list, p)
	}
	return list
}

func featureName(feature string) string {
	switch feature {
	case provider.FeatureMeetings:
		return "List meetings"
	case provider.FeatureParticipants:
		return "List who took part"
	case provider.FeatureQuality:
		return "Read the quality of each minute"
	case provider.FeatureAccount:
		return "Know the account"
	}
	return sentence(feature)
}

// problem is what went wrong and what to do about it.
type problem struct {
	Text, Next string
	Relink     bool
}

// problems says of each error of a link what its owner can do.
func problems(l links.Link) []problem {
	var list []problem
	for _, text := range l.Errors {
		p := problem{Text: text}
		switch {
		case strings.HasPrefix(text, "OAuth token refresh failed"):
			p.Next, p.Relink = "Link the account again: an administrator must allow the access once more. Nothing that was collected is lost.", true
		case strings.HasPrefix(text, "API daily rate limit"):
			p.Next = "Nothing to do: collecting goes on at 00:00 UTC. To read more each day, raise the number of requests below."
		case strings.HasPrefix(text, "Missing permissions"):
			p.Next, p.Relink = "Link the account again and allow all permissions that are listed below.", true
		default:
			p.Next = "Collecting is tried again by itself. Tell your operator if this stays."
		}
		list = append(list, p)
	}
	if l.DevicesError != "" {
		list = append(list, problem{Text: "Device data: " + l.DevicesError, Next: "The network's token is the operator's to change."})
	}
	return list
}

// gap is something that was not collected.
type gap struct {
	What  string
	From  time.Time
	To    time.Time
	Cause string
	Plan  string
	At    *time.Time
}

const gapsShown = 20

func (c *Console) details(r *http.Request, who access.Identity, l link) (*linkDetails, error) {
	ctx, now := r.Context(), c.now()
	d := &linkDetails{link: l, MayHarvest: who.Role.May(access.StartBackfills)}
	granted, err := c.store.CredentialState(ctx, l.AccountRef)
	switch {
	case err == nil:
		d.Access = &granted
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	d.Permissions = c.permissions(l.Provider, granted.Scopes)
	if d.Budget, err = c.store.Budget(ctx, l.AccountRef, now); err != nil {
		return nil, err
	}
	rows, err := c.store.Gaps(ctx, store.ReadFilter{OrgID: who.OrgID, AccountID: l.AccountID, Limit: gapsShown + 1})
	if err != nil {
		return nil, err
	}
	report := api.NewGapReport(rows, []store.Budget{d.Budget}, now)
	for _, g := range report.Results {
		d.Gaps = append(d.Gaps, newGap(g))
	}
	if len(d.Gaps) > gapsShown {
		d.Gaps, d.MoreGaps = d.Gaps[:gapsShown], true
	}
	return d, nil
}

func newGap(g api.Gap) gap {
	shown := gap{What: "A meeting", From: g.From, To: g.To, Cause: "waits for its turn", At: g.NextAt}
	if g.Kind == "window" {
		shown.What = "A stretch of time"
	}
	if g.Cause != nil && *g.Cause != "" {
		shown.Cause = strings.ReplaceAll(*g.Cause, "_", " ")
	}
	switch g.Plan {
	case api.PlanNextPass:
		shown.Plan = "tried again within minutes"
	case api.PlanAt:
		shown.Plan = "tried again at"
	case api.PlanMidnight:
		shown.Plan = "tried again when today's requests are whole again, at"
	case api.PlanMended:
		shown.Plan = "tried again once the cause is mended"
	case api.PlanResumed:
		shown.Plan = "goes on when its backfill is resumed"
	case api.PlanAsked:
		shown.Plan = "given up: an operator can ask for it again"
	}
	return shown
}
