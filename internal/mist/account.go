package mist

import (
	"context"
	"time"

	"github.com/google/uuid"

	"callweave/internal/network"
)

// Privilege is what the token may do somewhere.
type Privilege struct {
	Scope  string    `json:"scope"` // org, site, msp, ...
	Role   string    `json:"role"`  // admin, write, read, helpdesk, installer
	OrgID  uuid.UUID `json:"org_id"`
	SiteID uuid.UUID `json:"site_id"`
}

// Privileges reads what the token may do. The first call with a new token.
func (c *Client) Privileges(ctx context.Context) ([]Privilege, error) {
	var self struct {
		Privileges []Privilege `json:"privileges"`
	}
	_, err := c.get(ctx, "read privileges", "/api/v1/self", nil, &self)
	return self.Privileges, err
}

// Usage reads how much of the hour's calls the token has spent.
func (c *Client) Usage(ctx context.Context) (network.Budget, error) {
	var usage struct {
		Requests     int      `json:"requests"`
		RequestLimit int      `json:"request_limit"`
		Seconds      *float64 `json:"seconds"`
	}
	if _, err := c.get(ctx, "read usage", "/api/v1/self/usage", nil, &usage); err != nil {
		return network.Budget{}, err
	}
	budget := network.Budget{Limit: usage.RequestLimit, Used: usage.Requests, Period: time.Hour}
	if usage.Seconds != nil {
		budget.ResetIn = time.Duration(*usage.Seconds * float64(time.Second))
	}
	return budget, nil
}
