package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"callweave/internal/world"
)

// linkedAccounts is what link_accounts answers.
type linkedAccounts struct {
	Linked           bool   `json:"linked"`
	AuthorizationURL string `json:"authorization_url"`
	Accounts         []struct {
		AccountID  string `json:"account_id"`
		LinkedBy   string `json:"linked_by"`
		LastStatus string `json:"last_status"`
	} `json:"accounts"`
}

// callsSummary is what stats/calls/summary answers.
type callsSummary struct {
	NumUsers     float64 `json:"num_users"`
	NumAPs       float64 `json:"num_aps"`
	TotalMinutes float64 `json:"total_minutes"`
	BadMinutes   float64 `json:"bad_minutes"`
}

// receipt is one row of an org's receipts.
type receipt struct {
	FinishedAt    *time.Time       `json:"finished_at"`
	RowsBefore    map[string]int64 `json:"rows_before"`
	RowsAfter     map[string]int64 `json:"rows_after"`
	KeysDestroyed []string         `json:"keys_destroyed"`
	LastLink      bool             `json:"last_link"`
	TokenOutcome  string           `json:"token_outcome"`

	ExecutionsDeleted int        `json:"executions_deleted"`
	ExecutionsLeft    *int       `json:"executions_left"`
	HistoriesErasedAt *time.Time `json:"histories_erased_at"`
}

func (r receipt) erased() (rows int64) {
	for table, before := range r.RowsBefore {
		rows += before - r.RowsAfter[table]
	}
	return rows
}

func (m *machine) linkAccounts(ctx context.Context, org *world.Org, forward string) (answer linkedAccounts, err error) {
	path := fmt.Sprintf("/api/v1/orgs/%s/setting/zoom/link_accounts?forward=%s", org.ID, url.QueryEscape(forward))
	return answer, m.call(ctx, http.MethodGet, org, path, &answer)
}

func (m *machine) deleteLink(ctx context.Context, org *world.Org, account string) error {
	path := fmt.Sprintf("/api/v1/orgs/%s/setting/zoom/link_accounts/%s", org.ID, url.PathEscape(account))
	return m.call(ctx, http.MethodDelete, org, path, nil)
}

func (m *machine) summary(ctx context.Context, site *world.Site, from, to time.Time) (answer callsSummary, err error) {
	path := fmt.Sprintf("/api/v1/sites/%s/stats/calls/summary?start=%d&end=%d", site.ID, from.Unix(), to.Unix())
	return answer, m.call(ctx, http.MethodGet, site.Org, path, &answer)
}

// awaitReceipt waits until the erasure that is under way for the org is finished.
func (m *machine) awaitReceipt(ctx context.Context, org *world.Org) (receipt, error) {
	var newest receipt
	err := await(ctx, 200*time.Millisecond, func() (bool, error) {
		var answer struct {
			Results []receipt `json:"results"` // newest first
		}
		if err := m.call(ctx, http.MethodGet, org, fmt.Sprintf("/api/v1/orgs/%s/receipts", org.ID), &answer); err != nil {
			return false, err
		}
		if len(answer.Results) == 0 {
			return false, errors.New("there is no receipt")
		}
		newest = answer.Results[0]
		return newest.FinishedAt != nil, nil
	})
	return newest, err
}

// call asks the API with the org's admin token.
func (m *machine) call(ctx context.Context, method string, org *world.Org, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, m.api+path, nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Authorization", "Token "+m.kept.AdminTokens[org.ID.String()])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, body)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
