package main

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// staleAccount is an account that brought nothing for long, as it is printed.
type staleAccount struct {
	Provider  string      `json:"provider"`
	AccountID string      `json:"account_id"`
	Status    string      `json:"status"` // failed: somebody must link it again
	Since     time.Time   `json:"since"`  // of the newest that there is, or of its first link
	Orgs      []uuid.UUID `json:"orgs"`
	Problem   string      `json:"problem,omitempty"` // as the org's people see it
}

func (a *app) linkStale() *cobra.Command {
	var age time.Duration
	var limit int
	command := &cobra.Command{
		Use:   "stale",
		Short: "List the accounts, of all orgs, that brought nothing for long, the longest first",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if age < 0 || limit < 1 {
				return usagef("--older-than: want 0 or longer, --limit: want 1 or more")
			}
			return doing(func(ctx context.Context) error {
				s, err := a.openStore(ctx)
				if err != nil {
					return err
				}
				defer s.Close()
				rows, err := s.StaleAccounts(ctx, time.Now().Add(-age), limit)
				if err != nil {
					return err
				}
				list, lines := []staleAccount{}, []string{row("PROVIDER", "ACCOUNT", "STATUS", "SINCE", "ORGS", "PROBLEM")}
				for _, r := range rows {
					orgs := make([]string, len(r.Orgs))
					for i, org := range r.Orgs {
						orgs[i] = org.String()
					}
					list = append(list, staleAccount{r.Provider, r.AccountID, r.Status, r.Since, r.Orgs, r.Problem})
					lines = append(lines, row(r.Provider, r.AccountID, r.Status, r.Since, strings.Join(orgs, " "), r.Problem))
				}
				return a.print(list, lines...)
			})(command, args)
		},
	}
	command.Flags().DurationVar(&age, "older-than", time.Hour, "how long they brought nothing")
	command.Flags().IntVar(&limit, "limit", 100, "how many at most")
	return command
}
