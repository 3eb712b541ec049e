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
	l.state.Errors, l.state.MissingScopes = l.check.Errors, l.check.MissingScopes
	workflow.SetCurrentDetails(ctx, l.details())
	return workflow.UpsertTypedSearchAttributes(ctx, LinkStatusKey.ValueSet(status))
}

// details is Markdown for an operator who never saw the code. No personal data.
func (l *link) details() string {
	lines := []string{
		fmt.Sprintf("Account `%s` of %s, linked to org `%s`.\n", l.in.AccountID, l.in.Provider, l.in.OrgID),
		fmt.Sprintf("- **Status:** %s since %s", l.state.Status, l.state.Since.UTC().Format("2006-01-02 15:04:05 MST")),
	}
	for _, text := range l.state.Errors {
		lines = append(lines, "- **Problem:** "+text)
	}
	if len(l.state.MissingScopes) > 0 {
		lines = append(lines, "- **Missing scopes:** `"+strings.Join(l.state.MissingScopes, "`, `")+"`")
	}
	switch l.state.Status {
	case StatusUnlinking:
		lines = append(lines, fmt.Sprintf("- **Erasure:** workflow `%s`", DeboardID(l.in.AccountRef, l.in.OrgID)))
	case StatusActive, StatusFailed:
		lines = append(lines,
			fmt.Sprintf("- **What is missing:** `starter gaps --org %s`, `starter link show --org %s --account %s`", l.in.OrgID, l.in.OrgID, l.in.AccountID),
			fmt.Sprintf("- **Schedules:** `%s`, `%s`, `%s`", HarvestID(l.in.AccountRef), DevicesID(l.in.OrgID), TrainID(l.in.OrgID)),
			fmt.Sprintf("- **To unlink:** send the update or signal `%s`. Never terminate or cancel: that erases nothing.", UnlinkMessage))
	}
	return strings.Join(lines, "\n") + "\n"
}
