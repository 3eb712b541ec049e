package api_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"callweave/internal/access"
	"callweave/internal/secret"
	"callweave/internal/store"
)

// Every reply of the operations on link_accounts is one that Mist's document describes,
// those that refuse as well.
func TestLinkRepliesSatisfyMistsDocument(t *testing.T) {
	t.Parallel()
	check := contract(t)
	b := setup(t)
	b.link(t, b.org, accountID, "Test Company1 Ltd", "Ann Lee")
	b.link(t, b.org, slashed, "Test Company2 Ltd", "Bob")
	b.exec(t, `update links set last_status = 'failed', last_sync_at = null, max_daily_api_requests = null, missing_scopes = '{dashboard_meetings:read:admin}',
		errors = '{"OAuth token refresh failed, please re-link your account","API daily rate limit reached for your account"}' where account_id = $1`, slashed)
	accounts, others := b.accounts(b.org), b.accounts(b.other)
	item, absent := accounts+"/"+accountID, accounts+"/absent"
	whole := `{"account_id":"` + accountID + `","max_daily_api_requests":5000,"discard_guest_info":true}`
	tests := []struct {
		method, target, body string
		role                 access.Role
		status               int
	}{
		{"GET", accounts, "", access.Admin, 200},
		{"GET", accounts, "", access.Observer, 200},
		{"GET", accounts + query("forward", forward), "", access.Admin, 200},
		{"GET", accounts + query("forward", "https://evil.example"), "", access.Admin, 400},
		{"GET", accounts + query("forward", "no URL"), "", access.Admin, 400},
		{"GET", accounts, "", "", 401},
		{"GET", accounts, "", access.Helpdesk, 403},
		{"GET", others, "", access.Admin, 404},
		{"GET", strings.Replace(accounts, "zoom", "teams", 1), "", access.Admin, 200},
		{"GET", strings.Replace(accounts, "zoom", "jamf", 1), "", access.Admin, 404},

		{"POST", accounts, `{}`, access.Admin, 400},
		{"POST", accounts, `{}`, "", 401},
		{"POST", accounts, `{}`, access.Observer, 403},
		{"POST", others, `{}`, access.Admin, 404},

		{"PUT", item, whole, access.Admin, 200},
		{"PUT", item, `{`, access.Admin, 400},
		{"PUT", item, `{"max_daily_api_requests":0}`, access.Admin, 400},
		{"PUT", item, `{"account_id":"` + accountID + `","discard_guest_info":"yes"}`, access.Admin, 400},
		{"PUT", item, whole, "", 401},
		{"PUT", item, whole, access.Observer, 403},
		{"PUT", absent, `{"account_id":"absent"}`, access.Admin, 404},
		{"PUT", others + "/" + accountID, whole, access.Admin, 404},

		{"DELETE", item, "", "", 401},
		{"DELETE", item, "", access.Observer, 403},
		{"DELETE", absent, "", access.Admin, 404},
		{"DELETE", others + "/" + accountID, "", access.Admin, 404},
		{"DELETE", item, "", access.Admin, 200},
		{"DELETE", item, "", access.Admin, 200},
	}
	for _, test := range tests {
		answer := b.do(t, test.method, test.target, test.body, b.org, test.role)
		if answer.Code != test.status {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.target, answer.Code, answer.Body, test.status)
		}
		if err := check(test.method, test.target, answer); err != nil {
			t.Errorf("%s %s: %v\n%s", test.method, test.target, err, answer.Body)
		}
	}
	b.spendAll(t, b.org, access.Admin)
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		target := accounts
		if method == "PUT" || method == "DELETE" {
			target = item
		}
		answer := b.do(t, method, target, whole, b.org, access.Admin)
		if answer.Code != 429 || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s without requests left: %d %s", method, answer.Code, answer.Body)
		}
		if err := check(method, target, answer); err != nil {
			t.Errorf("%s without requests left: %v\n%s", method, err, answer.Body)
		}
	}
}

// spendAll leaves a token no request.
func (b *bundle) spendAll(t *testing.T, o org, role access.Role) {
	t.Helper()
	token, err := b.store.TokenByHash(t.Context(), store.HashToken(secret.New(o.tokens[role])))
	if err != nil {
		t.Fatal(err)
	}
	for now := time.Now().Add(time.Minute); ; {
		if _, ok := b.quota.Spend(token.TokenID, now); !ok {
			return
		}
	}
}

// Account ids are the provider's: whatever they hold, each names its own link.
func TestAccountIDsRoute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []string{
		"A/b", "A%2Fb", "A+b", "A b", "A=b==", "/A", "A/", "//", "..", ".", "A/../b", "a?b=c", "a#b", "a;b", "a%", "100%25", "ünïcødé-čeština", `a"b\c`, "link_accounts", "KkEM7-rQ_IWHZNFzwMLuRA",
	}
	for i, id := range ids {
		b.link(t, b.org, id, "Company", "Ann")
		settings, err := json.Marshal(map[string]any{"account_id": id, "max_daily_api_requests": i + 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.do(t, "PUT", b.accounts(b.org)+"/"+segment(id), string(settings), b.org, access.Admin); got.Code != 200 {
			t.Errorf("PUT %q: %d %s", id, got.Code, got.Body)
		}
	}
	shown := map[string]string{}
	want := map[string]string{}
	for _, account := range decode(t, b.do(t, "GET", b.accounts(b.org), "", b.org, access.Admin))["accounts"].([]any) {
		account, _ := account.(map[string]any)
		id, _ := account["account_id"].(string)
		most, _ := account["max_daily_api_requests"].(json.Number)
		shown[id] = most.String()
	}
	for i, id := range ids {
		want[id] = strconv.Itoa(i + 1)
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error("settings by account (-want +got):", diff)
	}
	// Unescaped, the path is another one: whatever it is, no link is touched.
	for _, path := range []string{"/..", "/.", "/A/b", "//A"} {
		if got := b.do(t, "DELETE", b.accounts(b.org)+path, "", b.org, access.Admin); got.Code == 200 {
			t.Errorf("DELETE %s: %d", path, got.Code)
		}
	}
	left := slices.Clone(ids)
	for _, id := range ids {
		if got := b.do(t, "DELETE", b.accounts(b.org)+"/"+segment(id), "", b.org, access.Admin); got.Code != 200 {
			t.Errorf("DELETE %q: %d %s", id, got.Code, got.Body)
		}
		left = left[1:]
		if n := len(decode(t, b.do(t, "GET", b.accounts(b.org), "", b.org, access.Admin))["accounts"].([]any)); n != len(left) {
			t.Fatalf("after DELETE %q: %d accounts, want %d", id, n, len(left))
		}
	}
}

// segment escapes an id so that it is one segment of a path, and no dot segment.
func segment(id string) string {
	if strings.Trim(id, ".") == "" {
		return strings.ReplaceAll(id, ".", "%2E")
	}
	return url.PathEscape(id)
}
