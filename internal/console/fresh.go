package console

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// staleAfter is when data that stays behind is worth a warning: several harvests were missed.
const staleAfter = 30 * time.Minute

// freshness says up to when what a page shows is complete.
type freshness struct {
	Links      int64
	Waiting    int64     // links that were never harvested
	CallsAt    time.Time // zero: nothing was harvested yet
	DevicesAt  time.Time // zero: nothing is known of the network yet
	CompleteAt time.Time // the earlier of both; zero where one is
	Behind     string    // how far
	Stale      bool
}

// Empty reports whether there is nothing yet that calls could come from.
func (f freshness) Empty() bool { return f.Links == 0 || f.CompleteAt.IsZero() }

func (c *Console) freshness(ctx context.Context, org uuid.UUID, now time.Time) (freshness, error) {
	row, err := c.store.OrgFreshness(ctx, org)
	if err != nil {
		return freshness{}, err
	}
	f := freshness{Links: row.Links, Waiting: row.LinksWaiting}
	if row.CallsSyncedAt != nil {
		f.CallsAt = *row.CallsSyncedAt
	}
	if row.DevicesSyncedAt != nil {
		f.DevicesAt = *row.DevicesSyncedAt
	}
	if f.CallsAt.IsZero() || f.DevicesAt.IsZero() {
		return f, nil
	}
	f.CompleteAt = f.CallsAt
	if f.DevicesAt.Before(f.CallsAt) {
		f.CompleteAt = f.DevicesAt
	}
	f.Behind, f.Stale = age(now.Sub(f.CompleteAt)), now.Sub(f.CompleteAt) > staleAfter
	return f, nil
}
