package main

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// fillBundle is an operator and an account's harvest that lists at most 24 windows a pass.
type fillBundle struct {
	*bundle
	store  *store.Store
	pool   *pgxpool.Pool
	from   time.Time
	passes atomic.Int32
	plans  atomic.Int32
}

func setupFill(t *testing.T, days int, pass func(b *fillBundle, number int32, r *workflows.HarvestResult)) (*fillBundle, []string) {
	t.Helper()
	b := &fillBundle{bundle: setup(t)}
	b.addOrg(t)
	b.link(t)
	b.store, _ = b.open(t)
	pool, err := pgxpool.New(t.Context(), b.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	b.pool = pool
	to := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	b.from = to.AddDate(0, 0, -days)
	b.host(t, func(in workflows.HarvestInput) (r workflows.HarvestResult) {
		if !in.From.IsZero() {
			b.plans.Add(1)
			var windows []provider.Window
			for at := in.To; at.After(in.From); at = at.AddDate(0, 0, -1) {
				windows = append(windows, provider.Window{From: at.AddDate(0, 0, -1), To: at})
			}
			if err := b.store.PlanWindows(context.Background(), zoomAccount, store.OriginBackfill, windows); err != nil {
				r.Stopped = err.Error()
			}
		}
		pass(b, b.passes.Add(1), &r)
		return r
	})
	return b, []string{"backfill", "--wait", "--account", account, "--from", b.from.Format(time.DateOnly), "--to", to.Format(time.DateOnly)}
}

// list lists what a pass of the real harvest would.
func (b *fillBundle) list(r *workflows.HarvestResult) {
	tag, err := b.pool.Exec(context.Background(), `update windows set state = 'listed' where (from_at, to_at) in (
		select from_at, to_at from windows where state = 'planned' order by to_at desc limit 24)`)
	if err != nil {
		r.Stopped = err.Error()
	}
	r.WindowsListed = int(tag.RowsAffected())
}

func TestBackfillGoesOnUntilAllIsDone(t *testing.T) {
	t.Parallel()
	b, command := setupFill(t, 60, func(b *fillBundle, number int32, r *workflows.HarvestResult) {
		if number == 2 {
			r.HeldBy = "harvest/other"
			return
		}
		b.list(r)
		r.MeetingsRead, r.Remaining = 5, []int{0, 100, 0, 400, 0}[number] // what was listed last makes more of them due
	})
	var done backfilled
	b.json(t, &done, command...)
	if done.WindowsListed != 60 || done.OpenWindows != 0 || done.Remaining != 0 || done.MeetingsRead != 15 {
		t.Errorf("done after %d passes: %+v", b.passes.Load(), done)
	}
	if b.plans.Load() != 1 {
		t.Errorf("the interval was asked for %d times, want once", b.plans.Load())
	}
}

func TestBackfillSaysWhatIsLeftAndWhy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pass func(b *fillBundle, number int32, r *workflows.HarvestResult)
		want []string
	}{
		"the budget is spent": {func(b *fillBundle, number int32, r *workflows.HarvestResult) {
			b.list(r)
			if number == 2 {
				r.Remaining, r.Stopped = 7, workflows.ErrRateLimited
			}
		}, []string{"rate_limited", "12 windows", "7 meetings"}},
		"windows that cannot be listed": {func(b *fillBundle, _ int32, r *workflows.HarvestResult) {
			if _, err := b.pool.Exec(context.Background(), "update windows set state = 'failed', cause = 'malformed' where from_at = $1", b.from); err != nil {
				r.Stopped = err.Error()
			}
			b.list(r)
		}, []string{"gets no further", "1 windows from " + "%from%", "malformed", "starter gaps"}},
		"meetings that stay due": {func(b *fillBundle, _ int32, r *workflows.HarvestResult) {
			b.list(r)
			r.Remaining = 3
		}, []string{"gets no further", "3 meetings are due"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, command := setupFill(t, 60, test.pass)
			code, out, problems := b.run(t, command...)
			for _, word := range test.want {
				if word = strings.ReplaceAll(word, "%from%", when(b.from)); code != 1 || !strings.Contains(problems, word) || !strings.Contains(out, "windows listed") {
					t.Errorf("exit %d, %q does not say %q", code, problems, word)
				}
			}
		})
	}
}
