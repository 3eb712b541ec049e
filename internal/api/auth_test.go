package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/access"
)

// route is one operation with an address of an org and what each role gets there.
type route struct {
	method, path, body string
	want               map[access.Role]int
}

func routes(o org) []route {
	accounts := "/api/v1/orgs/" + o.id.String() + "/setting/zoom/link_accounts"
	calls := "/api/v1/sites/" + o.site.String() + "/stats/calls"
	forOrg := "/api/v1/orgs/" + o.id.String()
	read := map[access.Role]int{access.Admin: 200, access.Observer: 200, access.Helpdesk: 403}
	change := map[access.Role]int{access.Admin: 200, access.Observer: 403, access.Helpdesk: 403}
	all := map[access.Role]int{access.Admin: 200, access.Observer: 200, access.Helpdesk: 200}
	return []route{
		{"GET", accounts, "", read},
		{"POST", accounts, "{}", map[access.Role]int{access.Admin: 400, access.Observer: 403, access.Helpdesk: 403}},
		{"PUT", accounts + "/" + accountID, `{"account_id":"` + accountID + `"}`, change},
		{"DELETE", accounts + "/" + accountID, "", change},
		{"GET", calls + "/search", "", all},
		{"GET", calls + "/summary", "", all},
		{"GET", calls + "/count", "", all},
		{"GET", calls + "/troubleshoot", "", all},
		{"GET", calls + "/client/aa0000000001/troubleshoot?meeting_id=" + meetingID, "", all},
		{"GET", calls + "/client/aa0000000001/timeline", "", all},
		{"GET", forOrg + "/stats/calls/export", "", read},
		{"GET", forOrg + "/setting/calls", "", all},
		{"PUT", forOrg + "/setting/calls", `{"jitter_ms":30}`, change},
		{"GET", forOrg + "/stats/calls/search", "", all},
		{"GET", forOrg + "/stats/calls/count", "", all},
		{"GET", forOrg + "/stats/calls/summary", "", all},
		{"GET", forOrg + "/stats/calls/troubleshoot", "", all},
		{"GET", forOrg + "/stats/calls/client/aa0000000001/troubleshoot?meeting_id=" + meetingID, "", all},
		{"GET", forOrg + "/stats/calls/client/aa0000000001/timeline", "", all},
		{"GET", forOrg + "/receipts", "", read},
		{"GET", forOrg + "/gaps", "", read},
	}
}

func TestRolesAndOrgs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.link(t, b.org, accountID, "Ann's Shop", "Ann Lee")
	b.link(t, b.other, accountID, "Ann's Shop", "Bob Roe")
	for _, role := range []access.Role{access.Helpdesk, access.Observer, access.Admin} {
		for _, r := range routes(b.org) {
			if got := b.do(t, r.method, r.path, r.body, b.org, role); got.Code != r.want[role] {
				t.Errorf("%s %s as %s: got %d, want %d: %s", r.method, r.path, role, got.Code, r.want[role], got.Body)
			}
		}
		for _, r := range routes(b.other) {
			got := b.do(t, r.method, r.path, r.body, b.org, role)
			if got.Code != http.StatusNotFound {
				t.Errorf("%s of another org as %s: got %d, want 404", r.method+" "+r.path, role, got.Code)
			}
			// What exists and is another's must look like what does not exist.
			nowhere := org{id: uuid.New(), site: uuid.New()}
			for _, s := range routes(nowhere) {
				if s.method != r.method || strings.ReplaceAll(strings.ReplaceAll(s.path, nowhere.id.String(), b.other.id.String()), nowhere.site.String(), b.other.site.String()) != r.path {
					continue
				}
				absent := b.do(t, s.method, s.path, s.body, b.org, role)
				shape := strings.NewReplacer(nowhere.id.String(), b.other.id.String(), nowhere.site.String(), b.other.site.String()).Replace(absent.Body.String())
				if absent.Code != got.Code || shape != got.Body.String() {
					t.Errorf("%s tells another org's from none: %q, %q", r.path, got.Body, shape)
				}
			}
		}
	}
	if diff := cmp.Diff([]string{"link/zoom/" + accountID + "/" + b.org.id.String() + " by admin"}, b.flow.unlinked); diff != "" {
		t.Error("unlinked (-want +got):", diff)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.org.tokens[access.Observer]
	path := "/api/v1/orgs/" + b.org.id.String() + "/setting/zoom/link_accounts"
	for header, want := range map[string]int{
		"Token " + good:       200,
		"token " + good:       200,
		"":                    401,
		"Token " + good + "x": 401,
		"Bearer " + good:      401,
		good:                  401,
	} {
		request := httptest.NewRequest("GET", path, nil)
		if header != "" {
			request.Header.Set("Authorization", header)
		}
		answer := b.send(request)
		if answer.Code != want {
			t.Errorf("%.12q: got %d, want %d", header, answer.Code, want)
		}
		if want == 401 && strings.TrimSpace(answer.Body.String()) != `{"detail":"Authentication credentials were not provided."}` {
			t.Errorf("body of a 401 is %s", answer.Body)
		}
	}
	var used time.Time
	if err := b.db.QueryRow(t.Context(), "select last_used_at from api_tokens where role = 'observer' and org_id = $1", b.org.id).Scan(&used); err != nil {
		t.Error("last use was not noted:", err)
	}
	b.exec(t, "update api_tokens set revoked_at = now() where org_id = $1", b.org.id)
	if got := b.do(t, "GET", path, "", b.org, access.Observer); got.Code != 401 {
		t.Errorf("a revoked token gets %d", got.Code)
	}
}

func TestQuotaAnswersAsMistDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var token uuid.UUID
	if err := b.db.QueryRow(t.Context(), "select token_id from api_tokens where org_id = $1 and role = 'observer'", b.org.id).Scan(&token); err != nil {
		t.Fatal(err)
	}
	for range access.RequestsPerHour {
		b.quota.Spend(token, time.Now().Add(time.Minute)) // ahead, so that nothing has come back when we ask
	}
	answer := b.do(t, "GET", "/api/v1/orgs/"+b.org.id.String()+"/gaps", "", b.org, access.Observer)
	want := `{"detail":"Too Many Request. The API Token used for the request reached the 5000 API Calls per hour threshold"}`
	if answer.Code != 429 || strings.TrimSpace(answer.Body.String()) != want || answer.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %s, Retry-After %q", answer.Code, answer.Body, answer.Header().Get("Retry-After"))
	}
	if got := b.do(t, "GET", "/api/v1/orgs/"+b.org.id.String()+"/gaps", "", b.org, access.Admin); got.Code != 200 {
		t.Errorf("another token pays for it: %d", got.Code)
	}
	if got := b.do(t, "GET", "/api/v1/nothing", "", b.org, access.Observer); got.Code != 404 || strings.TrimSpace(got.Body.String()) != "{}" {
		t.Errorf("an unknown path: got %d %s", got.Code, got.Body)
	}
}

func TestPanicsSayNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	answer := b.do(t, "GET", "/panic?code=hidden-code", "", b.org, "")
	if answer.Code != 500 || strings.Contains(answer.Body.String(), "the-panic-value") {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
	for _, hidden := range []string{"the-panic-value", "hidden-code"} {
		if strings.Contains(b.log.String(), hidden) {
			t.Errorf("the log shows %s", hidden)
		}
	}
	if !strings.Contains(b.log.String(), `"route":"GET /panic"`) {
		t.Errorf("the access log does not name the route: %s", b.log)
	}
}
