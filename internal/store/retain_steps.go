package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// expiring is a table of daily partitions.
type expiring struct {
	name string
	days func(*db.OrgsKeepRow) int32
	// org removes rows of one org and day; nil where rows are of no org.
	org func(ctx context.Context, org uuid.UUID, day, next time.Time) (int64, error)
}

func expiringTables(q *db.Queries) []expiring {
	devices := func(o *db.OrgsKeepRow) int32 { return o.DevicesDays }
	return []expiring{
		{"call_minutes", func(o *db.OrgsKeepRow) int32 { return o.MinutesDays }, func(ctx context.Context, org uuid.UUID, day, next time.Time) (int64, error) {
			return q.ExpireCallMinutes(ctx, db.ExpireCallMinutesParams{OrgID: org, Day: day, NextDay: next, MaxRows: expireBatch})
		}},
		{"client_samples", devices, func(ctx context.Context, org uuid.UUID, day, next time.Time) (int64, error) {
			return q.EraseClientSamples(ctx, db.EraseClientSamplesParams{OrgID: org, Day: day, NextDay: next, MaxRows: expireBatch})
		}},
		{"radio_samples", devices, func(ctx context.Context, org uuid.UUID, day, next time.Time) (int64, error) {
			return q.EraseRadioSamples(ctx, db.EraseRadioSamplesParams{OrgID: org, Day: day, NextDay: next, MaxRows: expireBatch})
		}},
		{"wan_samples", devices, func(ctx context.Context, org uuid.UUID, day, next time.Time) (int64, error) {
			return q.EraseWANSamples(ctx, db.EraseWANSamplesParams{OrgID: org, Day: day, NextDay: next, MaxRows: expireBatch})
		}},
		{"media_samples", func(o *db.OrgsKeepRow) int32 { return o.MediaDays }, nil},
	}
}

// table drops the days that no org keeps, and removes from the others what some do not.
func (e *expiry) table(ctx context.Context, table expiring) error {
	partitions, err := e.partitions(ctx, table.name)
	if err != nil || len(e.orgs) == 0 {
		return err
	}
	longest := int32(0)
	for i := range e.orgs {
		longest = max(longest, table.days(&e.orgs[i]))
	}
	var kept []partition // by somebody
	for _, p := range partitions {
		if p.next.After(e.before(longest)) {
			kept = append(kept, p)
			continue
		}
		if err := e.drop(ctx, p); err != nil {
			return err
		}
	}
	if table.org == nil {
		return nil
	}
	for i := range e.orgs {
		org := &e.orgs[i]
		for _, p := range kept {
			if p.next.After(e.before(table.days(org))) {
				break
			}
			err := e.batches(ctx, func() (int64, error) { return table.org(ctx, org.OrgID, p.day, p.next) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// uses drops days of uses of tokens.
func (e *expiry) uses(ctx context.Context) error {
	partitions, err := e.partitions(ctx, usesTable)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		if p.next.After(e.before(int32(e.standard.Uses))) {
			continue
		}
		if err := e.drop(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// org removes what has no partitions.
func (e *expiry) org(ctx context.Context, q *db.Queries, org db.OrgsKeepRow) error {
	minutes, woven := e.before(org.MinutesDays), e.before(min(org.MediaDays, org.DevicesDays))
	for _, remove := range []func() (int64, error){
		func() (int64, error) { return q.ExpireLeases(ctx, org.OrgID, e.before(org.DevicesDays), expireBatch) },
		func() (int64, error) {
			return q.ExpireMatches(ctx, org.OrgID, e.before(org.MinutesDays), expireBatch)
		},
		func() (int64, error) { return q.ExpireWeaves(ctx, org.OrgID, &minutes, expireBatch) },
		func() (int64, error) { return q.FinishWeaves(ctx, org.OrgID, &woven, expireBatch) },
	} {
		if err := e.batches(ctx, remove); err != nil {
			return err
		}
	}
	return nil
}

// account removes media samples of an account whose orgs keep less than others, and its
// meetings with their legs, once nothing is kept that speaks of them.
func (e *expiry) account(ctx context.Context, q *db.Queries, account db.AccountsKeepRow, media []partition) error {
	for _, p := range media {
		if p.next.After(e.before(account.MediaDays)) {
			break
		}
		err := e.batches(ctx, func() (int64, error) {
			return q.ExpireMediaSamples(ctx, db.ExpireMediaSamplesParams{
				Provider: account.Provider, AccountID: account.AccountID, Day: p.day, NextDay: p.next,
				Earliest: p.day.AddDate(0, 0, -7), MaxRows: expireBatch,
			})
		})
		if err != nil {
			return err
		}
	}
	return e.batches(ctx, func() (int64, error) { return e.meetings(ctx, account) })
}

// meetings removes some meetings of which nothing is kept, and what is left of their legs.
func (e *expiry) meetings(ctx context.Context, account db.AccountsKeepRow) (removed int64, err error) {
	err = e.inTx(ctx, func(_ pgx.Tx, q *db.Queries) error {
		ids, err := q.MeetingsToExpire(ctx, db.MeetingsToExpireParams{
			Provider: account.Provider, AccountID: account.AccountID, Before: e.before(account.MeetingsDays), MaxRows: legsPerBatch,
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		legs, err := q.LegsOfMeetings(ctx, account.Provider, account.AccountID, ids)
		if err != nil {
			return err
		}
		if _, err := q.EraseMediaSamples(ctx, legs); err != nil {
			return err
		}
		removed, err = q.ExpireMeetings(ctx, account.Provider, account.AccountID, ids)
		return err
	})
	return removed, err
}
