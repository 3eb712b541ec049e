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
	"testing"

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
func (b *bundle) host(t *testing.T, backfill func(workflow.Context, workflows.BackfillInput) (workflows.BackfillProgress, error)) client.Client {
	t.Helper()
	namespace := testenv.Temporal(t)
	b.temporal = client.Options{HostPort: namespace.Address, Namespace: namespace.Namespace}
	_, v := b.open(t)
	c, err := temporalclient.Dial(t.Context(), b.temporal, v.Master(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := temporalclient.RegisterSearchAttributes(t.Context(), c, namespace.Namespace); err != nil {
		t.Fatal(err)
	}
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
	worker.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.BackfillInput) (workflows.BackfillProgress, error) {
		return backfill(ctx, in)
	}, workflow.RegisterOptions{Name: workflows.BackfillWorkflow})
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
