package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"callweave/internal/store"
)

// quarantined is a meeting that could not be read.
type quarantined struct {
	Provider  string     `json:"provider"`
	AccountID string     `json:"account_id"`
	MeetingID string     `json:"meeting_id"`
	StartAt   time.Time  `json:"start_at"`
	EndAt     time.Time  `json:"end_at"`
	State     string     `json:"state"` // quarantined, or gone where the provider does not have it any more
	Cause     *string    `json:"cause"`
	Attempts  int32      `json:"attempts"`
	DueAt     *time.Time `json:"due_at"` // when it is tried again; null: never by itself
}

func (a *app) quarantine() *cobra.Command {
	command := a.listing("quarantine", "List the meetings that could not be read, and why",
		func(ctx context.Context, s *store.Store, filter store.ReadFilter) error {
			rows, err := s.QuarantinedMeetings(ctx, filter)
			if err != nil {
				return err
			}
			meetings, lines := []quarantined{}, []string{row("PROVIDER", "ACCOUNT", "MEETING", "START", "STATE", "CAUSE", "ATTEMPTS", "NEXT TRY")}
			for _, r := range rows {
				meetings = append(meetings, quarantined{r.Provider, r.AccountID, r.MeetingID, r.StartAt, r.EndAt, r.State, r.Cause, r.Attempts, r.DueAt})
				lines = append(lines, row(r.Provider, r.AccountID, r.MeetingID, r.StartAt, r.State, r.Cause, r.Attempts, r.DueAt))
			}
			return a.print(meetings, lines...)
		})
	command.AddCommand(a.quarantineRetry(), a.quarantineSkip())
	return command
}

func (a *app) quarantineRetry() *cobra.Command {
	var t target
	var meeting string
	command := &cobra.Command{
		Use: "retry", Short: "Have meetings that could not be read tried again by the next harvest", Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			var ids []string
			if meeting != "" {
				ids = []string{meeting}
			}
			retried, err := s.RetryMeetings(ctx, t.ref(), ids, meeting != "", time.Now())
			if err == nil && retried == 0 && meeting != "" {
				err = store.ErrNotFound
			}
			if err != nil {
				return err
			}
			return a.changedQuarantine(ctx, s, t, "quarantine retried", "retried", retried)
		}),
	}
	t.accountFlags(command)
	command.Flags().StringVar(&meeting, "meeting", "", "id of one meeting, also of one that was skipped; without, all of the account")
	require(command, "account")
	return command
}

func (a *app) quarantineSkip() *cobra.Command {
	var t target
	var meeting string
	command := &cobra.Command{
		Use: "skip", Short: "Give up a meeting that could not be read", Args: cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			s, err := a.openStore(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.SkipMeeting(ctx, t.ref(), meeting); err != nil {
				return err
			}
			return a.changedQuarantine(ctx, s, t, "quarantine skipped", "skipped", 1)
		}),
	}
	t.accountFlags(command)
	command.Flags().StringVar(&meeting, "meeting", "", "id of the meeting")
	require(command, "account", "meeting")
	return command
}

// changedQuarantine notes and prints what was done with how many meetings.
func (a *app) changedQuarantine(ctx context.Context, s *store.Store, t target, action, word string, meetings int) error {
	entry := store.Entry{Actor: cliActor, Action: action, Object: t.ref().String(), Detail: map[string]any{"meetings": meetings}}
	if err := s.Audit(ctx, entry); err != nil {
		return err
	}
	return a.print(map[string]any{word: meetings}, row(word, meetings))
}
