package main

import (
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"callweave/internal/api"
	"callweave/internal/store"
	"callweave/workflows"
)

// backfillFrom is where the backfills of these tests begin.
func backfillFrom() time.Time { return time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour) }

// scripted is a Backfill that answers queries with its progress and ends when it is told to.
func scripted(progress workflows.BackfillProgress, end bool) func(workflow.Context, workflows.BackfillInput) (workflows.BackfillProgress, error) {
	return func(ctx workflow.Context, _ workflows.BackfillInput) (workflows.BackfillProgress, error) {
		p := progress
		if err := workflow.SetQueryHandler(ctx, workflows.ProgressQuery, func() (workflows.BackfillProgress, error) { return p, nil }); err != nil {
			return p, err
		}
		if end {
			return p, nil
		}
		return p, workflow.Await(ctx, func() bool { return false })
	}
}

func TestBackfillIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		progress workflows.BackfillProgress
		end      bool
		code     int
		words    []string // of what is printed, and of what is said
	}{
		"done": {workflows.BackfillProgress{State: "done", WindowsTotal: 2, WindowsListed: 2, MeetingsRead: 7}, true, 0, []string{"windows failed  -\nmeetings read   7", ""}},
		"windows are left": {
			workflows.BackfillProgress{State: "done", WindowsTotal: 2, WindowsListed: 1, WindowsFailed: map[string]int{"transient": 2, "malformed": 1}},
			true, 1,
			[]string{"windows failed  1 malformed, 2 transient", "left 1 windows, see `starter gaps`"},
		},
		"nobody is linked any more": {workflows.BackfillProgress{State: "canceled", Stopped: workflows.ErrFenced}, true, 1, []string{"fenced", "was ended: fenced"}},
		"somebody must link again": {
			workflows.BackfillProgress{State: "running", WindowsTotal: 2, WaitingFor: workflows.ErrReauthorization},
			false, 1,
			[]string{"windows listed", "waits: reauthorization_required; it goes on by itself"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.addOrg(t)
			b.link(t)
			b.host(t, scripted(test.progress, test.end))
			from := backfillFrom()
			code, out, problems := b.run(t, "backfill", "--wait", "--account", account, "--from", from.Format(time.RFC3339), "--to", from.AddDate(0, 0, 2).Format(time.DateOnly))
			if code != test.code || !strings.Contains(out, test.words[0]) || !strings.Contains(problems, test.words[1]) {
				t.Errorf("exit %d, %q, %q", code, out, problems)
			}
		})
	}
}

// What a terminated workflow left in the ledger can still be paused, resumed and canceled.
func TestBackfillWithoutItsWorkflow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	c := b.host(t, scripted(workflows.BackfillProgress{State: "running"}, false))
	s, _ := b.open(t)
	from := backfillFrom()
	to := from.AddDate(0, 0, 2)
	id := workflows.BackfillID(zoomAccount, from)
	err := s.BeginBackfill(t.Context(), store.Backfill{
		AccountRef: zoomAccount, From: from, To: to, Windows: workflows.BackfillDays(from, to), WorkflowID: id, RequestedBy: "cli",
	})
	if err != nil {
		t.Fatal(err)
	}
	change := func(what string) (after api.Backfill) {
		t.Helper()
		b.json(t, &after, "backfill", what, "--account", account, "--from", from.Format(time.DateOnly))
		return after
	}
	if after := change("pause"); after.State != store.BackfillPaused || after.PausedAt == nil {
		t.Errorf("paused: %+v", after)
	}
	if after := change("resume"); after.State != store.BackfillRunning {
		t.Errorf("resumed: %+v", after)
	}
	if _, err := c.DescribeWorkflowExecution(t.Context(), id, ""); err != nil {
		t.Errorf("resumed, its workflow: %v", err)
	}
	if err := c.TerminateWorkflow(t.Context(), id, "", "test"); err != nil {
		t.Fatal(err)
	}
	if after := change("cancel"); after.State != store.BackfillCanceled || after.FinishedAt == nil {
		t.Errorf("canceled: %+v", after)
	}
	if open, _, err := s.OpenWindows(t.Context(), zoomAccount, 100); err != nil || len(open) != 1 {
		t.Errorf("in the plan are %d windows, %v; want the one that was there", len(open), err)
	}
	var list []api.Backfill
	if b.json(t, &list, "backfill", "list", "--org", b.org.String()); len(list) != 1 || list[0].RequestedBy != "cli" {
		t.Errorf("listed: %+v", list)
	}
	if code, _, problems := b.run(t, "backfill", "pause", "--account", account, "--from", from.Format(time.DateOnly)); code != 1 || !strings.Contains(problems, "canceled") {
		t.Errorf("a canceled one is paused: exit %d, %s", code, problems)
	}
}
