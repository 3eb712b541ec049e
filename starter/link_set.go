package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"callweave/internal/store"
)

func (a *app) linkSet() *cobra.Command {
	var t target
	var requests int64
	var discard, live bool
	command := &cobra.Command{
		Use:   "set",
		Short: "Change the settings of a link",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, args []string) error {
			var settings store.LinkSettings
			if command.Flags().Changed("max-daily-api-requests") {
				if requests < 1 || requests > math.MaxInt32 {
					return usagef("--max-daily-api-requests: want a whole number from 1 to %d", math.MaxInt32)
				}
				most := int32(requests)
				settings.MaxDailyAPIRequests = &most
			}
			if command.Flags().Changed("discard-guest-info") {
				settings.DiscardGuestInfo = &discard
			}
			if command.Flags().Changed("live") {
				settings.Live = &live
			}
			if settings == (store.LinkSettings{}) {
				return usagef("want --max-daily-api-requests, --discard-guest-info or --live")
			}
			return doing(func(ctx context.Context) error { return a.setLink(ctx, t, settings) })(command, args)
		},
	}
	t.orgFlag(command)
	t.accountFlags(command)
	command.Flags().Int64Var(&requests, "max-daily-api-requests", 0, "how many API requests a day the account may be asked")
	command.Flags().BoolVar(&discard, "discard-guest-info", false, "redact participants that are not of the account")
	command.Flags().BoolVar(&live, "live", false, "true to show meetings while they run, marked as provisional (costs requests at every harvest); false not to")
	command.Flags().Lookup("live").NoOptDefVal = "" // --live true as well as --live=true
	require(command, "org", "account")
	return command
}

func (a *app) setLink(ctx context.Context, t target, settings store.LinkSettings) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.SetLinkSettings(ctx, t.ref(), t.org.UUID, settings); err != nil {
		return err
	}
	detail := map[string]any{"max_daily_api_requests": settings.MaxDailyAPIRequests, "discard_guest_info": settings.DiscardGuestInfo, "live": settings.Live}
	err = s.Audit(ctx, store.Entry{OrgID: &t.org.UUID, Actor: cliActor, Action: "link set", Object: t.ref().String(), Detail: detail})
	if err != nil {
		return err
	}
	return a.print(map[string]any{"provider": t.provider.Name, "account_id": t.account, "org_id": t.org.UUID, "set": detail},
		row("set", t.ref()))
}
