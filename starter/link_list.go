package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"callweave/internal/api"
	"callweave/internal/links"
	"callweave/internal/store"
)

// shownLink is a link as it is printed.
type shownLink struct {
	Provider            string     `json:"provider"`
	AccountID           string     `json:"account_id"`
	OrgID               uuid.UUID  `json:"org_id"`
	Company             string     `json:"company"`
	LinkedBy            string     `json:"linked_by"`
	LinkedAt            time.Time  `json:"linked_at"`
	Status              string     `json:"status"`
	LastStatus          string     `json:"last_status,omitempty"`
	LastSyncAt          *time.Time `json:"last_sync_at"`
	Errors              []string   `json:"errors"`
	MissingScopes       []string   `json:"missing_scopes"`
	MaxDailyAPIRequests *int32     `json:"max_daily_api_requests"` // null: the default
	DiscardGuestInfo    bool       `json:"discard_guest_info"`
	Live                bool       `json:"live"`
	DevicesSyncedAt     *time.Time `json:"devices_synced_at"`
	DevicesError        string     `json:"devices_error,omitempty"`

	Forecast *api.Forecast `json:"forecast,omitempty"` // of the account's budget; where one link is shown
}

func showLink(l links.Link, org uuid.UUID) shownLink {
	shown := shownLink{
		Provider: string(l.Provider), AccountID: l.AccountID, OrgID: org, Company: l.Company.Reveal(), LinkedBy: l.LinkedBy.Reveal(),
		LinkedAt: l.LinkedAt, Status: l.Status, LastStatus: l.LastStatus, Errors: l.Errors, MissingScopes: l.MissingScopes,
		MaxDailyAPIRequests: l.MaxDailyAPIRequests, DiscardGuestInfo: l.DiscardGuestInfo, Live: l.Live, DevicesError: l.DevicesError,
	}
	if !l.LastSyncAt.IsZero() {
		shown.LastSyncAt = &l.LastSyncAt
	}
	if !l.DevicesSyncedAt.IsZero() {
		shown.DevicesSyncedAt = &l.DevicesSyncedAt
	}
	return shown
}

// readLinks lists an org's links.
func (a *app) readLinks(ctx context.Context, t target) ([]shownLink, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	v, err := a.openVault(ctx, s)
	if err != nil {
		return nil, err
	}
	if _, err := s.Org(ctx, t.org.UUID); err != nil {
		return nil, err
	}
	list, err := links.NewReader(s, v).List(ctx, t.org.UUID, "")
	if err != nil {
		return nil, err
	}
	shown := []shownLink{}
	for _, l := range list {
		shown = append(shown, showLink(l, t.org.UUID))
	}
	return shown, nil
}

func (a *app) linkList() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "list",
		Short: "List the links of an org",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			list, err := a.readLinks(ctx, t)
			if err != nil {
				return err
			}
			lines := []string{row("PROVIDER", "ACCOUNT", "COMPANY", "STATUS", "LAST STATUS", "LAST SYNC", "ERRORS")}
			for _, l := range list {
				lines = append(lines, row(l.Provider, l.AccountID, l.Company, l.Status, l.LastStatus, l.LastSyncAt, strings.Join(l.Errors, "; ")))
			}
			return a.print(list, lines...)
		}),
	}
	t.orgFlag(command)
	require(command, "org")
	return command
}

func (a *app) linkShow() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "show",
		Short: "Show one link of an org",
		Args:  cobra.NoArgs,
		RunE: doing(func(ctx context.Context) error {
			list, err := a.readLinks(ctx, t)
			if err != nil {
				return err
			}
			for _, l := range list {
				if l.AccountID == t.account && l.Provider == string(t.provider.Name) {
					return a.showLink(ctx, t, l)
				}
			}
			return fmt.Errorf("link %s of org %s: %w", t.ref(), t.org, store.ErrNotFound)
		}),
	}
	t.orgFlag(command)
	t.accountFlags(command)
	require(command, "org", "account")
	return command
}

// showLink prints a link with what becomes of its account's budget.
func (a *app) showLink(ctx context.Context, t target, l shownLink) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	budget, err := s.Budget(ctx, t.ref(), time.Now())
	if err != nil {
		return err
	}
	f := api.NewForecast(budget)
	l.Forecast = &f
	return a.print(l, append(linkLines(l), forecastLines(f)...)...)
}

func linkLines(l shownLink) []string {
	requests := "default"
	if l.MaxDailyAPIRequests != nil {
		requests = strconv.Itoa(int(*l.MaxDailyAPIRequests))
	}
	return []string{
		row("provider", l.Provider), row("account", l.AccountID), row("company", l.Company),
		row("linked by", l.LinkedBy), row("linked at", l.LinkedAt), row("status", l.Status),
		row("last status", l.LastStatus), row("last sync", l.LastSyncAt), row("errors", strings.Join(l.Errors, "; ")),
		row("missing scopes", strings.Join(l.MissingScopes, " ")), row("max daily API requests", requests),
		row("discard guest info", l.DiscardGuestInfo), row("live data", l.Live), row("devices synced", l.DevicesSyncedAt), row("devices error", l.DevicesError),
	}
}
