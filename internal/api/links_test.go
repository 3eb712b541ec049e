package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/vault"
)

func (b *bundle) accounts(o org) string {
	return "/api/v1/orgs/" + o.id.String() + "/setting/zoom/link_accounts"
}

func TestLinksAreShownAsMistShowsThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := strings.TrimSpace(b.do(t, "GET", b.accounts(b.org), "", b.org, access.Admin).Body.String()); got != `{"linked":false,"accounts":[]}` {
		t.Errorf("without a link: %s", got)
	}
	b.link(t, b.org, accountID, "Test Company1 Ltd", "Ann Lee")
	b.link(t, b.org, "second", "Test Company2 Ltd", "Bob")
	b.link(t, b.other, "not-ours", "Hidden Ltd", "Eve")
	b.exec(t, `update links set linked_at = linked_at + interval '1 s', last_sync_at = null, last_status = 'failed', max_daily_api_requests = null,
		discard_guest_info = true, errors = '{"OAuth token refresh failed, please re-link your account","API daily rate limit reached for your account"}'
		where account_id = 'second'`)
	answer := b.do(t, "GET", b.accounts(b.org), "", b.org, access.Observer)
	want := map[string]any{
		"linked": true,
		"accounts": []any{
			map[string]any{
				"account_id": accountID, "company": "Test Company1 Ltd", "linked_by": "Ann", "linked_timestamp": json.Number("1728275689.284758"),
				"last_sync": json.Number("1665465339"), "last_status": "success", "max_daily_api_requests": json.Number("1500"), "discard_guest_info": false, "live": false,
			},
			map[string]any{
				"account_id": "second", "company": "Test Company2 Ltd", "linked_by": "Bob", "linked_timestamp": json.Number("1728275690.284758"),
				"last_status": "failed", "error": "OAuth token refresh failed, please re-link your account",
				"errors":             []any{"OAuth token refresh failed, please re-link your account", "API daily rate limit reached for your account"},
				"discard_guest_info": true, "live": false,
			},
		},
	}
	if diff := cmp.Diff(want, decode(t, answer)); diff != "" {
		t.Error("(-want +got):", diff)
	}

	// What is wrong with the org's own network is one more error of each of its links.
	b.exec(t, "update orgs set devices_error = 'Give a new token.' where org_id = $1", b.org.id)
	for i, one := range want["accounts"].([]any) {
		account := one.(map[string]any)
		errors, _ := account["errors"].([]any)
		account["errors"] = append(errors, "Device data: Give a new token.")
		want["accounts"].([]any)[i] = account
	}
	if diff := cmp.Diff(want, decode(t, b.do(t, "GET", b.accounts(b.org), "", b.org, access.Observer))); diff != "" {
		t.Error("with a network that cannot be polled (-want +got):", diff)
	}
	teams := strings.Replace(b.accounts(b.org), "zoom", "teams", 1)
	if got := b.do(t, "GET", teams+"?forward=https://portal.example/", "", b.org, access.Admin); strings.TrimSpace(got.Body.String()) != `{"linked":false,"accounts":[]}` {
		t.Errorf("teams: %d %s", got.Code, got.Body)
	}
	if got := b.do(t, "GET", strings.Replace(teams, "teams", "jamf", 1), "", b.org, access.Admin); got.Code != 404 {
		t.Errorf("an application that is not ours: %d", got.Code)
	}
}

func TestAuthorizationURL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.accounts(b.org)
	body := decode(t, b.do(t, "GET", path+query("forward", forward), "", b.org, access.Admin))
	if text, _ := body["authorization_url"].(string); !strings.HasPrefix(text, "https://zoom.example/oauth/authorize?client_id=c&state=") {
		t.Errorf("authorization_url is %q", text)
	}
	if body := decode(t, b.do(t, "GET", path, "", b.org, access.Admin)); body["authorization_url"] != nil {
		t.Error("a URL without forward")
	}
	if body := decode(t, b.do(t, "GET", path+query("forward", forward), "", b.org, access.Observer)); body["authorization_url"] != nil {
		t.Error("an observer got a URL")
	}
	answer := b.do(t, "GET", path+query("forward", "https://evil.example/"), "", b.org, access.Admin)
	if detail, _ := decode(t, answer)["detail"].(string); answer.Code != 400 || !strings.HasPrefix(detail, "forward: ") || !strings.Contains(detail, "FORWARD_HOSTS") {
		t.Errorf("an unlisted host: %d %q", answer.Code, detail)
	}
	var offers int
	var verifier []byte
	err := b.db.QueryRow(t.Context(), "select count(*) over (), verifier_sealed from authorizations where expires_at between now() + interval '9 min' and now() + interval '10 min'").Scan(&offers, &verifier)
	if err != nil || offers != 1 {
		t.Fatalf("%d offers, %v", offers, err)
	}
	// RFC 7636 section 4.1: 43 to 128 characters.
	if text, err := b.vault.Master().OpenText(vault.PurposeVerifier, verifier); err != nil || len(text.Reveal()) < 43 {
		t.Errorf("verifier of %d characters, %v", len(text.Reveal()), err)
	}
}

func TestLinkSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.link(t, b.org, accountID, "Company", "Ann")
	b.link(t, b.org, slashed, "Company", "Ann")
	path := b.accounts(b.org) + "/" + accountID
	for _, test := range []struct {
		body   string
		status int
		detail string
	}{
		{`{"account_id":"` + accountID + `","max_daily_api_requests":5000,"discard_guest_info":true,"unknown":1}`, 200, ""},
		{`{"account_id":"` + accountID + `"}`, 200, ""}, // leaves both
		{`{"account_id":"` + accountID + `","max_daily_api_requests":null}`, 200, ""},
		{`{"max_daily_api_requests":1}`, 400, "account_id: this field is required"},
		{`{"account_id":"other","max_daily_api_requests":1}`, 400, "account_id: want the one of the path"},
		{`{"account_id":7}`, 400, "account_id: want a string"},
		{`{"account_id":"` + accountID + `","max_daily_api_requests":0}`, 400, "max_daily_api_requests: want a whole number from 1 to 2147483647"},
		{`{"account_id":"` + accountID + `","max_daily_api_requests":1.5}`, 400, "max_daily_api_requests: want a whole number"},
		{`{"account_id":"` + accountID + `","max_daily_api_requests":"1"}`, 400, "max_daily_api_requests: want a whole number"},
		{`{"account_id":"` + accountID + `","max_daily_api_requests":3000000000}`, 400, "max_daily_api_requests: want a whole number from 1 to 2147483647"},
		{`{"account_id":"` + accountID + `","discard_guest_info":"yes"}`, 400, "discard_guest_info: want true or false"},
		{`[]`, 400, "body: want a JSON object"},
		{``, 400, "JSON parse error"},
		{`{"account_id":"` + accountID + `"}{}`, 400, "JSON parse error"},
		{`{"account_id":"` + strings.Repeat("a", 2<<20) + `"}`, 413, "larger than"},
	} {
		answer := b.do(t, "PUT", path, test.body, b.org, access.Admin)
		if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.detail) || (test.detail == "" && answer.Body.Len() != 0) {
			t.Errorf("%.80s: got %d %s, want %d %q", test.body, answer.Code, answer.Body, test.status, test.detail)
		}
	}
	var most int
	var discard bool
	err := b.db.QueryRow(t.Context(), "select max_daily_api_requests, discard_guest_info from links where account_id = $1", accountID).Scan(&most, &discard)
	if err != nil || most != 5000 || !discard {
		t.Errorf("stored: %d, %v, %v", most, discard, err)
	}
	if got := b.do(t, "PUT", b.accounts(b.org)+"/absent", `{"account_id":"absent"}`, b.org, access.Admin); got.Code != 404 || strings.TrimSpace(got.Body.String()) != `{"id":"absent"}` {
		t.Errorf("no such link: %d %s", got.Code, got.Body)
	}
	if got := b.do(t, "PUT", b.accounts(b.org)+"/A%2Fb", `{"account_id":"A/b","max_daily_api_requests":7}`, b.org, access.Admin); got.Code != 200 {
		t.Errorf("an account id with a slash: %d %s", got.Code, got.Body)
	}
}

func TestUnlink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.link(t, b.org, slashed, "Company", "Ann")
	b.link(t, b.other, slashed, "Company", "Bob")
	path := b.accounts(b.org) + "/A%2Fb"
	for i := range 2 {
		if got := b.do(t, "DELETE", path, "", b.org, access.Admin); got.Code != 200 || got.Body.Len() != 0 {
			t.Errorf("time %d: %d %s", i, got.Code, got.Body)
		}
	}
	if body := decode(t, b.do(t, "GET", b.accounts(b.org), "", b.org, access.Admin)); body["linked"] != false {
		t.Errorf("an unlinking link is listed: %v", body)
	}
	if body := decode(t, b.do(t, "GET", b.accounts(b.other), "", b.other, access.Admin)); body["linked"] != true {
		t.Error("the other org lost its link")
	}
	receipts := decode(t, b.do(t, "GET", "/api/v1/orgs/"+b.org.id.String()+"/receipts", "", b.org, access.Admin))["results"].([]any)
	if len(receipts) != 1 || receipts[0].(map[string]any)["finished_at"] != nil {
		t.Errorf("receipts: %v", receipts)
	}
	// The erasure ends: the row goes, the receipt stays, and repeating is still no error.
	b.exec(t, "update receipts set finished_at = now()")
	b.exec(t, "delete from links where org_id = $1", b.org.id)
	if got := b.do(t, "DELETE", path, "", b.org, access.Admin); got.Code != 200 {
		t.Errorf("after the erasure: %d %s", got.Code, got.Body)
	}
	if diff := cmp.Diff([]string{"link/zoom/A/b/" + b.org.id.String() + " by admin"}, b.flow.unlinked); diff != "" {
		t.Error("updates sent (-want +got):", diff)
	}
	entries, err := b.store.AuditLog(t.Context(), b.org.id, 10)
	if err != nil || len(entries) != 2 || entries[1].Action != "unlink requested" || uuid.Validate(entries[1].Actor) != nil {
		t.Errorf("audit log: %+v, %v", entries, err)
	}
	if got := b.do(t, "DELETE", b.accounts(b.org)+"/never-linked", "", b.org, access.Admin); got.Code != 404 {
		t.Errorf("never linked: %d", got.Code)
	}
}
