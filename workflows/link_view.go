package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"
)

// show makes the state visible: to the status query, to searches and in the UI.
func (l *link) show(ctx workflow.Context, status string) error {
	if l.state.Status != status {
		l.state = LinkState{Status: status, Since: workflow.Now(ctx)}
	}
	workflow.SetCurrentDetails(ctx, l.details())
	return workflow.UpsertTypedSearchAttributes(ctx, LinkStatusKey.ValueSet(status))
}

// details is Markdown for an operator who never saw the code. No personal data.
func (l *link) details() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Account `%s` of %s, linked to org `%s`.\n\n", l.in.AccountID, l.in.Provider, l.in.OrgID)
	fmt.Fprintf(&b, "- **Status:** %s since %s\n", l.state.Status, l.state.Since.UTC().Format("2006-01-02 15:04:05 MST"))
	for _, text := range l.check.Errors {
		fmt.Fprintf(&b, "- **Problem:** %s\n", text)
	}
	if len(l.check.MissingScopes) > 0 {
		fmt.Fprintf(&b, "- **Missing scopes:** `%s`\n", strings.Join(l.check.MissingScopes, "`, `"))
	}
	switch l.state.Status {
	case StatusUnlinking:
		fmt.Fprintf(&b, "- **Erasure:** workflow `%s`\n", DeboardID(l.in.AccountRef, l.in.OrgID))
	case StatusActive, StatusFailed:
		fmt.Fprintf(&b, "- **Schedules:** `%s`, `%s`\n", HarvestID(l.in.AccountRef), DevicesID(l.in.OrgID))
		fmt.Fprintf(&b, "- **To unlink:** send the update or signal `%s`. Never terminate: that erases nothing.\n", UnlinkMessage)
	}
	return b.String()
}
