package activities

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/workflows"
)

// past is a week without a harvest that an operator asks for: a few meetings a day.
func past(t *testing.T) (b *harvestBundle, from, to time.Time) {
	t.Helper()
	b = harvestSetup{world: func(c *world.Config) { c.MeetingsPerDay = 6 }, lookback: time.Hour}.set(t, 1)
	return b, harvestDay.AddDate(0, 0, -6), harvestDay
}

// filling is a Backfill at work, with the real activities, in a time that its timers move.
type filling struct {
	*harvestBundle
	env *testsuite.TestWorkflowEnvironment
	ref workflows.BackfillRef

	mu     sync.Mutex
	passes int
	ended  func(pass int) // called after the pass
}

func (b *harvestBundle) filling(from, to time.Time) *filling {
	b.t.Helper()
	f := &filling{harvestBundle: b, ref: workflows.BackfillRef{AccountRef: b.ref, From: from, To: to}}
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	f.env = suite.NewTestWorkflowEnvironment()
	f.env.SetTestTimeout(5 * time.Minute)
	f.env.SetStartTime(b.clock())
	f.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.BackfillID(b.ref, from), TaskQueue: workflows.TaskQueue})
	workflows.RegisterWorkflows(f.env)
	Register(workflowRegistrar{f.env}, Set{
		Harvest: b.harvest, Weaver: NewWeaver(weave.New(b.store, b.vault, nil)), Backfills: &Backfills{Store: b.store, Now: b.clock},
	})
	f.env.SetOnTimerFiredListener(func(string) { b.advance(f.env.Now().Sub(b.clock())) })
	f.env.SetOnChildWorkflowCompletedListener(func(_ *workflow.Info, _ converter.EncodedValue, err error) {
		if err != nil && !temporal.IsCanceledError(err) {
			b.t.Error(err)
		}
		f.mu.Lock()
		f.passes++
		number, ended := f.passes, f.ended
		f.mu.Unlock()
		if ended != nil {
			ended(number)
		}
	})
	return f
}

// run lives the backfill to its end.
func (f *filling) run() (workflows.BackfillProgress, error) {
	f.t.Helper()
	f.env.ExecuteWorkflow(workflows.BackfillWorkflow, workflows.BackfillInput{AccountRef: f.harvestBundle.ref, From: f.ref.From, To: f.ref.To, RequestedBy: "cli"})
	var progress workflows.BackfillProgress
	err := f.env.GetWorkflowError()
	if err == nil {
		err = f.env.GetWorkflowResult(&progress)
	}
	return progress, err
}

func (f *filling) done() workflows.BackfillProgress {
	f.t.Helper()
	progress, err := f.run()
	if err != nil {
		f.t.Fatal(err)
	}
	return progress
}

// progress asks the workflow.
func (f *filling) progress() (progress workflows.BackfillProgress) {
	f.t.Helper()
	value, err := f.env.QueryWorkflow(workflows.ProgressQuery)
	if err == nil {
		err = value.Get(&progress)
	}
	if err != nil {
		f.t.Error(err)
	}
	return progress
}

func (f *filling) state() (state string) {
	f.t.Helper()
	row, err := f.store.Backfill(f.t.Context(), f.harvestBundle.ref, f.ref.From)
	if err != nil {
		f.t.Error(err)
	}
	return row.State
}

// atEvery calls do before every request below a path's end.
func atEvery(suffix string, do func()) func(http.ResponseWriter, *http.Request, http.Handler) {
	var mu sync.Mutex
	return func(rw http.ResponseWriter, r *http.Request, window http.Handler) {
		if strings.HasSuffix(r.URL.Path, suffix) {
			mu.Lock()
			do()
			mu.Unlock()
		}
		window.ServeHTTP(rw, r)
	}
}

// updated calls back when an update is answered.
func updated(completed func()) *testsuite.TestUpdateCallback {
	return &testsuite.TestUpdateCallback{
		OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(any, error) { completed() },
	}
}
