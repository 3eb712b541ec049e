package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"callweave/internal/access"
	"callweave/internal/api"
	"callweave/internal/authorize"
	"callweave/internal/flows"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// backfiller does with backfills what their workflow does.
type backfiller struct {
	store *store.Store
	asked []workflows.BackfillInput
	ended bool // the workflow was terminated
	slow  bool // no worker is there
	b     store.Backfill
}

func (f *backfiller) PauseBackfill(ctx context.Context, _ string, paused bool) error {
	switch {
	case f.slow:
		return context.DeadlineExceeded
	case f.ended:
		return fmt.Errorf("pause: %w", flows.ErrNotRunning)
	}
	return f.store.PauseBackfill(ctx, f.b, paused)
}

func (f *backfiller) CancelBackfill(ctx context.Context, _ string) error {
	if f.ended {
		return fmt.Errorf("cancel: %w", flows.ErrNotRunning)
	}
	return f.store.FinishBackfill(ctx, f.b, store.BackfillCanceled, []byte(`{"state":"canceled"}`))
}

func (f *backfiller) Backfill(ctx context.Context, in workflows.BackfillInput) (string, error) {
	f.asked = append(f.asked, in)
	id := workflows.BackfillID(in.AccountRef, in.From)
	f.b, f.ended = store.Backfill{
		AccountRef: in.AccountRef, From: in.From, To: in.To, Windows: workflows.BackfillDays(in.From, in.To), WorkflowID: id, RequestedBy: in.RequestedBy,
	}, false
	return id, f.store.BeginBackfill(ctx, f.b)
}

func TestBackfillsOfAnOrg(t *testing.T) {
	t.Parallel()
	f := &backfiller{}
	b := setup(t, func(c *api.Config, _ *authorize.Config) { f.store, c.Backfills = c.Store, f })
	b.link(t, b.org, accountID, "Ann's Shop", "Ann Lee")
	b.link(t, b.other, "other", "Bob's Shop", "Bob Roe")
	path := "/api/v1/orgs/" + b.org.id.String() + "/backfills"
	from := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	body := func(account string, from, to time.Time) string {
		return fmt.Sprintf(`{"account_id":%q,"from":%q,"to":%q}`, account, from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	good := body(accountID, from, from.AddDate(0, 0, 2))
	for _, test := range []struct {
		what, body string
		role       access.Role
		status     int
		says       string
	}{
		{"an observer", good, access.Observer, http.StatusForbidden, "permission"},
		{"no body", "", access.Admin, http.StatusBadRequest, "JSON"},
		{"nothing asked", "{}", access.Admin, http.StatusBadRequest, `account_id: missing\nfrom: missing\nto: missing`},
		{"another provider", `{"provider":"webex"}`, access.Admin, http.StatusBadRequest, "provider: want"},
		{"the future", body(accountID, from, from.AddDate(1, 0, 0)), access.Admin, http.StatusBadRequest, "to: want a time in the past"},
		{"long ago", body(accountID, from.AddDate(-1, 0, 0), from), access.Admin, http.StatusBadRequest, "from: providers keep six months"},
		{"another org's account", body("other", from, from.AddDate(0, 0, 2)), access.Admin, http.StatusNotFound, `{"id":"other"}`},
		{"nobody's account", body("nobody", from, from.AddDate(0, 0, 2)), access.Admin, http.StatusNotFound, `{"id":"nobody"}`},
		{"what may be", good, access.Admin, http.StatusOK, workflows.BackfillID(provider.AccountRef{Provider: provider.Zoom, AccountID: accountID}, from)},
		{"the same again", good, access.Admin, http.StatusOK, "workflow_id"},
		{"another from the same time on", body(accountID, from, from.AddDate(0, 0, 1)), access.Admin, http.StatusBadRequest, "from: a backfill from this time to"},
	} {
		got := b.do(t, http.MethodPost, path, test.body, b.org, test.role)
		if got.Code != test.status || !strings.Contains(got.Body.String(), test.says) {
			t.Errorf("%s: status %d, %s; want %d, %s", test.what, got.Code, got.Body, test.status, test.says)
		}
	}
	if len(f.asked) != 2 {
		t.Errorf("%d were asked for", len(f.asked))
	}
	var listed struct{ Results []api.Backfill }
	got := b.do(t, http.MethodGet, path, "", b.org, access.Observer)
	if err := json.Unmarshal(got.Body.Bytes(), &listed); err != nil || len(listed.Results) != 1 || listed.Results[0].State != store.BackfillRunning {
		t.Errorf("listed: %s", got.Body)
	}
	if _, err := b.store.LastAudit(t.Context(), "backfill asked for", "zoom/"+accountID); err != nil {
		t.Error(err)
	}
	elsewhere := b.do(t, http.MethodGet, strings.ReplaceAll(path, b.org.id.String(), b.other.id.String()), "", b.other, access.Admin)
	if elsewhere.Code != http.StatusOK || strings.Contains(elsewhere.Body.String(), accountID) {
		t.Errorf("another org sees %s", elsewhere.Body)
	}

	// Its days are gaps until they are listed, with a plan and a forecast.
	var report api.GapReport
	gaps := "/api/v1/orgs/" + b.org.id.String() + "/gaps"
	got = b.do(t, http.MethodGet, gaps, "", b.org, access.Observer)
	if err := json.Unmarshal(got.Body.Bytes(), &report); err != nil || len(report.Results) != 2 || len(report.Forecasts) != 1 {
		t.Fatalf("gaps: %s", got.Body)
	}
	if gap := report.Results[0]; gap.Kind != "window" || gap.Plan != api.PlanNextPass || gap.Origin != "backfill" || report.Forecasts[0].Requests != 1500 || report.Forecasts[0].Owed != 4 {
		t.Errorf("gaps: %s", got.Body)
	}
	b.exec(t, "update backfills set state = 'paused', paused_at = now()")
	got = b.do(t, http.MethodGet, gaps, "", b.org, access.Observer)
	if err := json.Unmarshal(got.Body.Bytes(), &report); err != nil || report.Results[0].Plan != api.PlanResumed {
		t.Errorf("paused: %s", got.Body)
	}
}

func TestBackfillsArePausedResumedAndCanceled(t *testing.T) {
	t.Parallel()
	f := &backfiller{}
	b := setup(t, func(c *api.Config, _ *authorize.Config) { f.store, c.Backfills = c.Store, f })
	b.link(t, b.org, accountID, "Ann's Shop", "Ann Lee")
	all := "/api/v1/orgs/" + b.org.id.String() + "/backfills"
	from := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	begin := func(o org) {
		t.Helper()
		body := fmt.Sprintf(`{"account_id":%q,"from":%q,"to":%q}`, accountID, from.Format(time.RFC3339), from.AddDate(0, 0, 2).Format(time.RFC3339))
		path := strings.Replace(all, b.org.id.String(), o.id.String(), 1)
		if got := b.do(t, http.MethodPost, path, body, o, access.Admin); got.Code != http.StatusOK {
			t.Fatalf("begin: %d %s", got.Code, got.Body)
		}
	}
	begin(b.org)
	path := all + "/" + accountID + "/" + from.Format(time.RFC3339)
	elsewhere := strings.Replace(path, b.org.id.String(), b.other.id.String(), 1)
	type step struct {
		what, method, path, body string
		o                        org
		role                     access.Role
		status                   int
		says                     string
	}
	walk := func(steps ...step) {
		t.Helper()
		for _, s := range steps {
			got := b.do(t, s.method, s.path, s.body, s.o, s.role)
			if got.Code != s.status || !strings.Contains(got.Body.String(), s.says) {
				t.Errorf("%s: %d %s; want %d, %s", s.what, got.Code, got.Body, s.status, s.says)
			}
		}
	}
	const pause, resume = `{"state":"paused"}`, `{"state":"running"}`
	walk(
		step{"an observer", "PUT", path, pause, b.org, access.Observer, 403, "permission"},
		step{"an observer cancels", "DELETE", path, "", b.org, access.Observer, 403, "permission"},
		step{"no body", "PUT", path, "", b.org, access.Admin, 400, "JSON"},
		step{"a state that is none", "PUT", path, `{"state":"stopped"}`, b.org, access.Admin, 400, "state: want paused or running"},
		step{"a number", "PUT", path, `{"state":1}`, b.org, access.Admin, 400, "state: want a string"},
		step{"a time that is none", "PUT", all + "/" + accountID + "/yesterday", pause, b.org, access.Admin, 400, "from: want the begin of a backfill"},
		step{"no such backfill", "PUT", all + "/" + accountID + "/2026-01-01T00:00:00Z", pause, b.org, access.Admin, 404, "2026-01-01"},
		step{"nobody's account", "DELETE", all + "/nobody/" + from.Format(time.RFC3339), "", b.org, access.Admin, 404, `{"id":"nobody"}`},
		step{"no such provider", "DELETE", path + "?provider=webex", "", b.org, access.Admin, 400, "provider: want zoom or teams"},
		step{"an org that is not linked", "PUT", elsewhere, pause, b.other, access.Admin, 404, accountID},
		step{"pause", "PUT", path, pause, b.org, access.Admin, 200, `"state":"paused"`},
		step{"pause again", "PUT", path, pause, b.org, access.Admin, 200, `"state":"paused"`},
		step{"resume", "PUT", path, resume, b.org, access.Admin, 200, `"state":"running"`},
	)
	f.ended = true // what a terminated workflow left
	walk(
		step{"pause without a workflow", "PUT", path, pause, b.org, access.Admin, 200, `"state":"paused"`},
		step{"resume without a workflow", "PUT", path, resume, b.org, access.Admin, 200, `"state":"running"`},
	)
	if f.ended {
		t.Error("resuming did not begin the workflow anew")
	}
	f.ended = true
	walk(
		step{"cancel without a workflow", "DELETE", path, "", b.org, access.Admin, 200, `"state":"canceled"`},
		step{"cancel again", "DELETE", path, "", b.org, access.Admin, 400, "from: want a backfill that has not finished; this one is canceled"},
		step{"resume a canceled one", "PUT", path, resume, b.org, access.Admin, 400, "this one is canceled"},
	)

	// Of an account that two orgs are linked to, each changes what it asked for.
	b.link(t, b.other, accountID, "Ann's Shop", "Bob Roe")
	begin(b.other)
	walk(
		step{"another org's", "PUT", path, pause, b.org, access.Admin, 403, "Another organization"},
		step{"another org's", "DELETE", path, "", b.org, access.Admin, 403, "Another organization"},
		step{"its own", "PUT", elsewhere, pause, b.other, access.Admin, 200, `"state":"paused"`},
	)
	b.exec(t, "update links set status = 'unlinking' where org_id = $1", b.other.id)
	walk(step{"of an org that is gone", "DELETE", path, "", b.org, access.Admin, 200, `"state":"canceled"`})
	for _, action := range []string{"backfill paused", "backfill resumed", "backfill canceled"} {
		if _, err := b.store.LastAudit(t.Context(), action, "zoom/"+accountID); err != nil {
			t.Error(err)
		}
	}
}

// Where no worker answers, the answer says so, and nothing is lost.
func TestABackfillThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	f := &backfiller{slow: true}
	b := setup(t, func(c *api.Config, _ *authorize.Config) { f.store, c.Backfills = c.Store, f })
	b.link(t, b.org, accountID, "Ann's Shop", "Ann Lee")
	from := time.Now().UTC().AddDate(0, 0, -3).Truncate(24 * time.Hour)
	in := workflows.BackfillInput{AccountRef: provider.AccountRef{Provider: provider.Zoom, AccountID: accountID}, From: from, To: from.AddDate(0, 0, 2), RequestedBy: "cli"}
	if _, err := f.Backfill(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/orgs/" + b.org.id.String() + "/backfills/" + accountID + "/" + from.Format(time.RFC3339)
	got := b.do(t, http.MethodPut, path, `{"state":"paused"}`, b.org, access.Admin)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "no worker") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
