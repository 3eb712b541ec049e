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
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/workflows"
)

// backfiller begins backfills as their workflow does.
type backfiller struct {
	store *store.Store
	asked []workflows.BackfillInput
}

func (f *backfiller) Backfill(ctx context.Context, in workflows.BackfillInput) (string, error) {
	f.asked = append(f.asked, in)
	id := workflows.BackfillID(in.AccountRef, in.From)
	return id, f.store.BeginBackfill(ctx, store.Backfill{
		AccountRef: in.AccountRef, From: in.From, To: in.To, Windows: workflows.BackfillDays(in.From, in.To), WorkflowID: id, RequestedBy: in.RequestedBy,
	})
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
