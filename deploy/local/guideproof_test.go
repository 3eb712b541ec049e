package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"callweave/internal/testenv"
	"callweave/internal/world"
)

// prove looks whether a command did what the guide says it does, where an exit code does not
// tell.
func (g *guide) prove(t *testing.T, command string, org *world.Org) {
	t.Helper()
	switch {
	case unlinks(command):
		testenv.Eventually(t, func() string {
			left := g.one(t, `select (select count(*) from links where org_id = $1) + (select count(*) from receipts where org_id = $1 and finished_at is null) || ''`, org.ID)
			if left == "0" {
				return ""
			}
			return command + ": the link is not erased"
		})
	case strings.Contains(command, "toggle"):
		schedule := g.schedule(t)
		if want := strings.Contains(command, "--pause"); schedule != want {
			t.Errorf("%s: paused is %v", command, schedule)
		}
	case strings.HasPrefix(command, "starter backfill --account") && strings.Contains(command, "--wait"):
		g.backfillIs(t, "done")
	case strings.Contains(command, "--name pause"), strings.HasPrefix(command, "starter backfill pause"):
		g.backfillIs(t, "paused")
	case strings.Contains(command, "--name resume"), strings.HasPrefix(command, "starter backfill resume"):
		g.backfillIs(t, "running")
	case strings.HasPrefix(command, "starter backfill cancel"), strings.Contains(command, "workflow cancel"):
		g.backfillIs(t, "canceled")
	}
}

// backfillIs waits until the guide's backfill, the earliest one, is in a state.
func (g *guide) backfillIs(t *testing.T, want string) {
	t.Helper()
	testenv.Eventually(t, func() string {
		got := g.one(t, "select state from backfills order by from_at limit 1")
		if got == want {
			return ""
		}
		return fmt.Sprintf("the backfill is %s, want %s", got, want)
	})
}

func (g *guide) dial(t *testing.T) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: g.temporal.Address(), Namespace: g.temporal.Namespace()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// schedule reports whether the account's schedule is paused.
func (g *guide) schedule(t *testing.T) bool {
	t.Helper()
	c := g.dial(t)
	defer c.Close()
	described, err := c.WorkflowService().DescribeSchedule(t.Context(), &workflowservice.DescribeScheduleRequest{
		Namespace: g.temporal.Namespace(), ScheduleId: "harvest/zoom/" + g.account.ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return described.GetSchedule().GetState().GetPaused()
}

// asTctl makes the call that tctl would make, where that is not built: the same request, its
// input as plain JSON.
func (g *guide) asTctl(t *testing.T, line string) {
	t.Helper()
	flags := map[string]string{}
	for _, flag := range regexp.MustCompile(`--(\w+)(?: (?:'([^']*)'|"([^"]*)"|([^-\s]\S*)))?`).FindAllStringSubmatch(line, -1) {
		flags[flag[1]] = flag[2] + flag[3] + flag[4]
	}
	c := g.dial(t)
	defer c.Close()
	var err error
	switch {
	case strings.HasPrefix(line, "tctl workflow signal "):
		request := &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: g.temporal.Namespace(), SignalName: flags["name"],
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: flags["workflow_id"]}, Identity: "operator",
		}
		if input := flags["input"]; input != "" {
			if !json.Valid([]byte(input)) {
				t.Fatalf("%s: no JSON", line)
			}
			request.Input = &commonpb.Payloads{Payloads: []*commonpb.Payload{{
				Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(input),
			}}}
		}
		_, err = c.WorkflowService().SignalWorkflowExecution(t.Context(), request)
	case strings.HasPrefix(line, "tctl schedule toggle "):
		patch := &schedulepb.SchedulePatch{}
		if _, pause := flags["pause"]; pause {
			patch.Pause = flags["reason"]
		} else {
			patch.Unpause = flags["reason"]
		}
		_, err = c.WorkflowService().PatchSchedule(t.Context(), &workflowservice.PatchScheduleRequest{
			Namespace: g.temporal.Namespace(), ScheduleId: flags["schedule_id"], Patch: patch, Identity: "operator",
		})
	default:
		t.Fatalf("%s: build tctl with `make tctl`", line)
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}
