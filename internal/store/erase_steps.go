package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
	"callweave/internal/vault"
)

// legsPerBatch bounds a batch of media samples by their legs: a leg of an hour has 60.
const legsPerBatch = 100

// attemptLasts is how long after its expiry an authorization that was answered can still
// come to a link: it may be answered in its last moment, and the workflow then asks on for
// workflows.AuthorizeFor. The rest is for what lies between.
const attemptLasts = 70 * time.Minute

// eraseStep erases up to maxRows rows of one table.
type eraseStep struct {
	table string
	erase func(ctx context.Context, q *db.Queries, r db.Receipt, maxRows int32) (int64, error)
}

// stepsOf is the order of an erasure: the product's rows first, what they were woven
// from after.
func stepsOf(scope erasure) []eraseStep {
	steps := linkSteps()
	if scope.org {
		steps = append(steps, orgSteps()...)
	}
	if scope.account {
		steps = append(steps, accountSteps()...)
	}
	return steps
}

// eraseDay erases rows of the day, by UTC, in which one was found: err says that there is none.
func eraseDay(at time.Time, err error, erase func(day, next time.Time) (int64, error)) (int64, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for a day: %w", err)
	}
	day := utcday.Of(at)
	return erase(day, day.Add(24*time.Hour))
}

func linkSteps() []eraseStep {
	return []eraseStep{
		{"call_minutes", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			at, err := q.CallMinutesToErase(ctx, r.Provider, r.AccountID, r.OrgID)
			return eraseDay(at, err, func(day, next time.Time) (int64, error) {
				return q.EraseCallMinutes(ctx, db.EraseCallMinutesParams{
					Provider: r.Provider, AccountID: r.AccountID, OrgID: r.OrgID, Day: day, NextDay: next, MaxRows: n,
				})
			})
		}},
		{"matches", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseMatches(ctx, db.EraseMatchesParams{Provider: r.Provider, AccountID: r.AccountID, OrgID: r.OrgID, MaxRows: n})
		}},
		// What the link's minutes taught goes with them; the org learns anew from what is left.
		{"models", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseModels(ctx, r.OrgID)
		}},
		{"weaves", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseWeaves(ctx, db.EraseWeavesParams{Provider: r.Provider, AccountID: r.AccountID, OrgID: r.OrgID, MaxRows: n})
		}},
		{"authorizations", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseAuthorizationsOfLink(ctx, r.Provider, &r.AccountID, r.OrgID)
		}},
	}
}

func orgSteps() []eraseStep {
	return []eraseStep{
		{"client_samples", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			// What is gone is not complete up to any time: should a link come up, it is collected anew.
			if err := q.ForgetDeviceSync(ctx, r.OrgID); err != nil {
				return 0, err
			}
			at, err := q.ClientSamplesToErase(ctx, r.OrgID)
			return eraseDay(at, err, func(day, next time.Time) (int64, error) {
				return q.EraseClientSamples(ctx, db.EraseClientSamplesParams{OrgID: r.OrgID, Day: day, NextDay: next, MaxRows: n})
			})
		}},
		{"radio_samples", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			at, err := q.RadioSamplesToErase(ctx, r.OrgID)
			return eraseDay(at, err, func(day, next time.Time) (int64, error) {
				return q.EraseRadioSamples(ctx, db.EraseRadioSamplesParams{OrgID: r.OrgID, Day: day, NextDay: next, MaxRows: n})
			})
		}},
		{"wan_samples", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			at, err := q.WANSamplesToErase(ctx, r.OrgID)
			return eraseDay(at, err, func(day, next time.Time) (int64, error) {
				return q.EraseWANSamples(ctx, db.EraseWANSamplesParams{OrgID: r.OrgID, Day: day, NextDay: next, MaxRows: n})
			})
		}},
		{"leases", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseLeases(ctx, r.OrgID, n)
		}},
		{"late_devices", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseLateDevices(ctx, r.OrgID, n)
		}},
		{"sites", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseSites(ctx, r.OrgID)
		}},
		{"network_devices", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseNetworkDevices(ctx, r.OrgID)
		}},
		{"device_states", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseDeviceState(ctx, r.OrgID)
		}},
		{"authorizations", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseAuthorizationsOfOrg(ctx, r.OrgID, r.FencedAt, r.FencedAt.Add(-attemptLasts))
		}},
	}
}

func accountSteps() []eraseStep {
	return []eraseStep{
		{"windows", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseWindows(ctx, r.Provider, r.AccountID, n)
		}},
		{"legs", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			legs, err := q.LegsToErase(ctx, r.Provider, r.AccountID, min(n, legsPerBatch))
			if err != nil || len(legs) == 0 {
				return 0, err
			}
			samples, err := q.EraseMediaSamples(ctx, legs)
			if err != nil {
				return 0, fmt.Errorf("media_samples: %w", err)
			}
			erased, err := q.EraseLegs(ctx, legs)
			return samples + erased, err
		}},
		{"meetings", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseMeetings(ctx, r.Provider, r.AccountID, n)
		}},
		{"api_requests", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseRequests(ctx, r.Provider, r.AccountID)
		}},
		{"harvest_claims", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseClaims(ctx, r.Provider, r.AccountID)
		}},
		{"backfills", func(ctx context.Context, q *db.Queries, r db.Receipt, _ int32) (int64, error) {
			return q.EraseBackfills(ctx, r.Provider, r.AccountID)
		}},
		{"webhook_events", func(ctx context.Context, q *db.Queries, r db.Receipt, n int32) (int64, error) {
			return q.EraseWebhooks(ctx, r.Provider, r.AccountID, n)
		}},
	}
}

// keptTables are the tables of an account and of an org that an erasure leaves alone. A table
// of which the link's own rows go is none of them.
func (e erasure) keptTables() []string {
	kept := []string{}
	if !e.account {
		// The samples go with their legs, the last two after all others.
		kept = append(tablesOf(accountSteps()), "media_samples", "credentials", "accounts")
	}
	if !e.org {
		kept = append(kept, tablesOf(orgSteps())...)
	}
	own := tablesOf(linkSteps())
	return slices.DeleteFunc(kept, func(table string) bool { return slices.Contains(own, table) })
}

func tablesOf(steps []eraseStep) []string {
	tables := make([]string, len(steps))
	for i, step := range steps {
		tables[i] = step.table
	}
	return tables
}

// keys are the scopes whose data keys go with an erasure.
func (e erasure) keys(ref provider.AccountRef, org uuid.UUID) []vault.Scope {
	scopes := []vault.Scope{vault.LinkScope(ref, org)}
	if e.org {
		scopes = append(scopes, vault.OrgScope(org))
	}
	if e.account {
		scopes = append(scopes, vault.AccountScope(ref))
	}
	return scopes
}

// rowCounts is rows by table.
type rowCounts map[string]int64

// countRows is to run in a transaction.
func countRows(ctx context.Context, q *db.Queries, r db.Receipt, scope erasure) (rowCounts, error) {
	if err := q.TakeTime(ctx); err != nil {
		return nil, fmt.Errorf("lift the limit of statements: %w", err)
	}
	counts := rowCounts{}
	ofLink, err := q.CountLinkRows(ctx, r.Provider, r.AccountID, r.OrgID)
	if err != nil {
		return nil, fmt.Errorf("count link rows: %w", err)
	}
	for _, row := range ofLink {
		counts[row.TableName] += row.Rows
	}
	if scope.org {
		ofOrg, err := q.CountOrgRows(ctx, r.OrgID, r.FencedAt, r.FencedAt.Add(-attemptLasts))
		if err != nil {
			return nil, fmt.Errorf("count org rows: %w", err)
		}
		for _, row := range ofOrg {
			counts[row.TableName] += row.Rows
		}
	}
	if scope.account {
		ofAccount, err := q.CountAccountRows(ctx, r.Provider, r.AccountID)
		if err != nil {
			return nil, fmt.Errorf("count account rows: %w", err)
		}
		for _, row := range ofAccount {
			counts[row.TableName] += row.Rows
		}
	}
	return counts, nil
}

func (c rowCounts) sum() int64 {
	var sum int64
	for _, rows := range c {
		sum += rows
	}
	return sum
}

func (c rowCounts) without(tables ...string) rowCounts {
	rest := maps.Clone(c)
	for _, table := range tables {
		delete(rest, table)
	}
	return rest
}

func (c rowCounts) json() ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write counts: %w", err)
	}
	return text, nil
}
