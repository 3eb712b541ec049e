package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/api"
	"callweave/internal/store"
)

// listing makes a command that lists rows, narrowed by org and account.
func (a *app) listing(use, short string, list func(ctx context.Context, s *store.Store, filter store.ReadFilter) error) *cobra.Command {
	var t target
	var limit int32
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if limit < 1 {
				return usagef("--limit: want 1 or more")
			}
			return doing(func(ctx context.Context) error {
				s, err := a.openStore(ctx)
				if err != nil {
					return err
				}
				defer s.Close()
				return list(ctx, s, store.ReadFilter{OrgID: t.org.UUID, AccountID: t.account, Limit: limit})
			})(command, args)
		},
	}
	t.orgFlag(command)
	command.Flags().StringVar(&t.account, "account", "", "id of the provider account")
	command.Flags().Int32Var(&limit, "limit", 1000, "how many at most, the newest first")
	return command
}

func (a *app) gaps() *cobra.Command {
	return a.listing("gaps", "List what is not harvested, why, and what will become of it",
		func(ctx context.Context, s *store.Store, filter store.ReadFilter) error {
			rows, err := s.Gaps(ctx, filter)
			if err != nil {
				return err
			}
			now := time.Now()
			budgets, err := s.Budgets(ctx, filter, now)
			if err != nil {
				return err
			}
			report := api.NewGapReport(rows, budgets, now)
			lines := []string{row("KIND", "PROVIDER", "ACCOUNT", "FROM", "TO", "ORIGIN", "STATE", "CAUSE", "ATTEMPTS", "AGE", "PLAN", "NEXT", "MEETING")}
			for _, g := range report.Results {
				age := (time.Duration(g.AgeSeconds) * time.Second).Round(time.Second)
				lines = append(lines, row(g.Kind, g.Provider, g.AccountID, g.From, g.To, g.Origin, g.State, g.Cause, g.Attempts, age, g.Plan, g.NextAt, g.MeetingID))
			}
			for _, f := range report.Forecasts {
				lines = append(lines, "", row("budget of", f.Provider, f.AccountID))
				lines = append(lines, forecastLines(f)...)
			}
			return a.print(report, lines...)
		})
}

func forecastLines(f api.Forecast) []string {
	return []string{
		row("requests today", fmt.Sprintf("%d of %d", f.Spent, f.Requests)), row("requests owed, about", f.Owed),
		row("budget spent at", f.ExhaustedAt), row("backlog read by", f.BacklogDoneAt),
	}
}

func (a *app) receipts() *cobra.Command {
	return a.listing("receipts", "List the proofs of erasure",
		func(ctx context.Context, s *store.Store, filter store.ReadFilter) error {
			rows, err := s.Receipts(ctx, filter)
			if err != nil {
				return err
			}
			receipts, lines := []api.Receipt{}, []string{row("RECEIPT", "PROVIDER", "ACCOUNT", "ORG", "FENCED", "FINISHED", "KEYS", "LAST LINK", "TOKEN", "HISTORIES ERASED")}
			for _, r := range rows {
				receipt := api.NewReceipt(r)
				receipts = append(receipts, receipt)
				lines = append(lines, row(receipt.ReceiptID, receipt.Provider, receipt.AccountID, receipt.OrgID, receipt.FencedAt,
					receipt.FinishedAt, len(receipt.KeysDestroyed), receipt.LastLink, receipt.TokenOutcome, receipt.HistoriesErasedAt))
			}
			return a.print(receipts, lines...)
		})
}
