package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"callweave/internal/flows"
	"callweave/internal/provider"
	"callweave/internal/temporalclient"
	"callweave/internal/testenv"
	"callweave/workflows"
)

var zoomAccount = provider.AccountRef{Provider: provider.Zoom, AccountID: account}

// host runs stand-ins for the workflows that the command line talks to.
func (b *bundle) host(t *testing.T, harvest func(workflows.HarvestInput) workflows.HarvestResult) client.Client {
	t.Helper()
	namespace := testenv.Temporal(t)
	b.temporal = client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}
	_, v := b.open(t)
	c, err := temporalclient.Dial(t.Context(), b.temporal, v.Master(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	worker := sdkworker.New(c, workflows.TaskQueue, sdkworker.Options{})
	worker.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.LinkInput) error {
		asked := false
		err := workflow.SetUpdateHandler(ctx, workflows.UnlinkMessage, func(_ workflow.Context, in workflows.Unlink) (workflows.UnlinkResult, error) {
			asked = true
			return workflows.UnlinkResult{DeboardID: in.Reason}, nil
		})
		if err != nil {
			return err
		}
		return workflow.Await(ctx, func() bool { return asked })
	}, workflow.RegisterOptions{Name: workflows.LinkWorkflow})
	worker.RegisterWorkflowWithOptions(func(_ workflow.Context, in workflows.HarvestInput) (workflows.HarvestResult, error) {
		return harvest(in), nil
	}, workflow.RegisterOptions{Name: workflows.HarvestWorkflow})
	worker.RegisterWorkflowWithOptions(func(_ workflow.Context, in workflows.AuthorizeInput) (workflows.AuthorizeResult, error) {
		if in.AuthorizationID == b.org {
			return workflows.AuthorizeResult{}, errors.New("failed")
		}
		return workflows.AuthorizeResult{ErrorCode: "reason"}, nil
	}, workflow.RegisterOptions{Name: workflows.AuthorizeWorkflow})
	worker.RegisterWorkflowWithOptions(func(_ workflow.Context, in workflows.ResealInput) (workflows.ResealResult, error) {
		return workflows.ResealResult{KeyID: in.KeyID, Resealed: 4}, nil
	}, workflow.RegisterOptions{Name: workflows.ResealWorkflow})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.Stop)
	return c
}

// A link is ended by its workflow. One that does not run, because somebody ended it in the
// UI, is started for it: an administrator can always unlink.
func TestUnlinkAsksTheLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	c := b.host(t, nil)
	id := workflows.LinkID(zoomAccount, b.org)
	for _, test := range []struct {
		name    string
		prepare func(run client.WorkflowRun) error // nil: the workflow was never started
	}{
		{"never started", nil},
		{"running", func(client.WorkflowRun) error { return nil }},
		{"terminated", func(client.WorkflowRun) error { return c.TerminateWorkflow(t.Context(), id, "", "by mistake") }},
		{"cancelled", func(run client.WorkflowRun) error {
			if err := c.CancelWorkflow(t.Context(), id, ""); err != nil {
				return err
			}
			if err := run.Get(t.Context(), nil); !temporal.IsCanceledError(err) {
				return fmt.Errorf("the link ended with %w", err)
			}
			return nil
		}},
	} {
		if test.prepare != nil {
			run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue},
				workflows.LinkWorkflow, workflows.LinkInput{AccountRef: zoomAccount, OrgID: b.org})
			if err != nil {
				t.Fatal(err)
			}
			if err := test.prepare(run); err != nil {
				t.Fatal(test.name, err)
			}
		}
		var unlinked map[string]any
		b.json(t, &unlinked, "link", "unlink", "--org", b.org.String(), "--account", account)
		if err := c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil || unlinked["status"] != "unlinking" {
			t.Errorf("%s: the link: %v, printed %v", test.name, err, unlinked)
		}
	}
}

func TestBackfillWaitsItsTurn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	var runs atomic.Int32
	b.host(t, func(in workflows.HarvestInput) workflows.HarvestResult {
		if runs.Add(1) == 1 {
			return workflows.HarvestResult{HeldBy: "another"}
		}
		if in.AccountID != account || !in.From.Before(in.To) {
			return workflows.HarvestResult{Stopped: "invalid"}
		}
		return workflows.HarvestResult{MeetingsRead: 7}
	})
	day := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	command := []string{"backfill", "--account", account, "--from", day.Format(time.RFC3339), "--to", day.AddDate(0, 0, 1).Format(time.DateOnly)}
	var done struct {
		MeetingsRead int    `json:"meetings_read"`
		WorkflowID   string `json:"workflow_id"`
	}
	b.json(t, &done, append(command, "--wait")...)
	if done.MeetingsRead != 7 || !strings.HasPrefix(done.WorkflowID, "harvest/zoom/"+account) || runs.Load() != 2 {
		t.Errorf("got %+v after %d runs", done, runs.Load())
	}
	var started map[string]string
	if b.json(t, &started, command...); started["workflow_id"] != done.WorkflowID {
		t.Errorf("without --wait: %v", started)
	}
}

func TestBackfillThatStopsEarlyFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	b.host(t, func(workflows.HarvestInput) workflows.HarvestResult {
		return workflows.HarvestResult{Stopped: workflows.ErrRateLimited}
	})
	day := time.Now().UTC().AddDate(0, 0, -3)
	code, out, problems := b.run(t, "backfill", "--wait", "--account", account, "--from", day.Format(time.DateOnly), "--to", day.AddDate(0, 0, 1).Format(time.DateOnly))
	if code != 1 || !strings.Contains(problems, "rate_limited") || !strings.Contains(out, "stopped") {
		t.Errorf("exit %d, %q, %q", code, out, problems)
	}
}

// A workflow that failed is a result; one that ended is not run again; a failed one is.
func TestAuthorizeJoins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	f := flows.New(b.host(t, nil))
	for range 2 {
		result, err := f.Authorize(t.Context(), b.org)
		if err != nil || result.ErrorCode != flows.CodeFailed {
			t.Errorf("a failed run: %+v, %v", result, err)
		}
	}
	other := setup(t).org
	for range 2 {
		result, err := f.Authorize(t.Context(), other)
		if err != nil || result.ErrorCode != "reason" {
			t.Errorf("a run that refused: %+v, %v", result, err)
		}
	}
}

func TestServeUntilToldToStop(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.host(t, nil)
	b.env["METRICS_ADDR"] = "127.0.0.1:0"
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout, stderr := &buffer{}, &buffer{wrote: make(chan struct{}, 1)}
	ended := make(chan int, 1)
	go func() { ended <- b.app(stdout, stderr).main(ctx, []string{"serve"}) }()
	address, metrics := "", ""
	for address == "" {
		select {
		case code := <-ended:
			t.Fatalf("ended with %d: %s", code, stderr.String())
		case <-stderr.wrote:
		}
		for line := range strings.Lines(stderr.String()) {
			var said struct {
				Msg         string `json:"msg"`
				ListenAddr  string `json:"listen_addr"`
				MetricsAddr string `json:"metrics_addr"`
			}
			if json.Unmarshal([]byte(line), &said) != nil {
				continue
			}
			switch said.Msg {
			case "metrics are served":
				metrics = "http://" + said.MetricsAddr
			case "starter is ready":
				address = "http://" + said.ListenAddr
			}
		}
	}
	for url, want := range map[string]int{
		address + "/healthz": 200, address + "/readyz": 200, address + "/console/sign-in": 200, address + "/api/v1/nothing": 404,
		address + "/metrics": 404, metrics + "/metrics": 200, metrics + "/console/sign-in": 404,
	} {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d: %s", url, response.StatusCode, want, body)
		}
		// The public URL is https.
		if got := response.Header.Get("Strict-Transport-Security"); strings.HasPrefix(url, address) && got != "max-age=31536000" {
			t.Errorf("%s: Strict-Transport-Security is %q", url, got)
		}
	}
	stop()
	if code := <-ended; code != 0 || !strings.Contains(stderr.String(), "starter is stopping") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}
