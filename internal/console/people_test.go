package console_test

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/store"
)

// searched asks for calls as the form does and returns what the page shows, and its address.
func (b *bundle) searched(t *testing.T, role access.Role, text string) (answer, string) {
	t.Helper()
	client := b.signedIn(t, role)
	sent := b.send(t, client, "POST", "/console/calls", url.Values{"text": {text}})
	if sent.status != 303 || !strings.HasPrefix(sent.location, "/console/calls?find=") {
		t.Fatalf("search: %d to %q", sent.status, sent.location)
	}
	return b.send(t, client, "GET", sent.location, nil), sent.location
}

func TestCallsAreFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, statement := range []string{
		`update matches set meeting_uuid = '0f0e0d0c-0b0a-0908-0706-050403020100'`,
		`insert into meetings (provider, account_id, meeting_id, meeting_number, list_kind, host_sealed, start_at, end_at, participant_count)
			select provider, account_id, meeting_id, 87312345678, 'past', '', join_at, leave_at, 2 from matches`,
	} {
		if _, err := b.db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	pseudonym := regexp.MustCompile(`Person ([0-9A-Z]{3}-[0-9A-Z]{3})`).FindString(b.send(t, b.signedIn(t, access.Helpdesk), "GET", "/console/calls", nil).body)
	if pseudonym == "" {
		t.Fatal("helpdesk sees no pseudonym")
	}
	for _, c := range []struct {
		text            string
		admin, helpdesk bool
	}{
		{"aa:00:00:00:00:01", true, true},
		{"AA0000000001", true, true},
		{"aa0000000002", false, false},
		{"873 1234 5678", true, true},
		{"87312345679", false, false},
		{"0F0E0D0C-0B0A-0908-0706-050403020100", true, true},
		{"bob <roe>", true, true},
		{"roe", true, false}, // names are whole for who sees pseudonyms
		{pseudonym, true, true},
		{strings.TrimPrefix(pseudonym, "Person "), true, true},
		{"Ann", false, false},
	} {
		for role, want := range map[access.Role]bool{access.Admin: c.admin, access.Helpdesk: c.helpdesk} {
			page, address := b.searched(t, role, c.text)
			if got := strings.Contains(page.body, `href="/console/calls/1"`); got != want {
				t.Errorf("%q as %s: found %v, want %v\n%s", c.text, role, got, want, page.body)
			}
			sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(address, "/console/calls?find="))
			if err != nil || strings.Contains(strings.ToLower(string(sealed)), "roe") {
				t.Errorf("the address names who is looked for, or does not read: %s, %v", address, err)
			}
		}
	}
	if got := b.send(t, b.signedIn(t, access.Admin), "GET", "/console/calls?find=forged", nil); got.status != 200 {
		t.Errorf("a search that does not open: %d", got.status)
	}
}

// Who sees pseudonyms sees no name before the reason is in the audit log, and then of that
// call only, for a while, and nobody else does.
func TestNamesAreRevealedForAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.db.Exec(t.Context(), `insert into matches (org_id, leg_id, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at)
		select org_id, 2, provider, account_id, meeting_id, site_id, client_mac, rule, confidence, person_sealed, join_at, leave_at from matches`); err != nil {
		t.Fatal(err)
	}
	client := b.signedIn(t, access.Helpdesk)
	shown := func(path string) bool { return strings.Contains(b.send(t, client, "GET", path, nil).body, "Roe") }
	if shown("/console/calls/1") || shown("/console/calls") {
		t.Fatal("helpdesk sees a name unasked")
	}
	for _, form := range []url.Values{
		{}, {"reason": {"curious"}}, {"reason": {"A ticket asks for it"}, "ticket": {"Bob Roe"}},
	} {
		if got := b.send(t, client, "POST", "/console/calls/1/reveal", form); got.status != 400 || shown("/console/calls/1") {
			t.Errorf("%v: %d", form, got.status)
		}
	}
	got := b.send(t, client, "POST", "/console/calls/1/reveal", url.Values{"reason": {"A ticket asks for it"}, "ticket": {"inc-4711"}})
	if got.status != 303 || !shown("/console/calls/1") {
		t.Errorf("with a reason: %d", got.status)
	}
	if shown("/console/calls/2") || shown("/console/calls") {
		t.Error("the name shows in other places too")
	}
	entries, err := b.store.AuditLog(t.Context(), b.org, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Action != store.ActionRevealed || entries[0].Object != "call/1" || !strings.Contains(string(entries[0].Detail), "INC-4711") {
		t.Errorf("the audit log has %+v", entries)
	}
	b.later = time.Hour
	if shown("/console/calls/1") {
		t.Error("the name shows for good")
	}
	b.later = 0
	_, other, err := b.store.CreateToken(t.Context(), b.org, string(access.Helpdesk))
	if err != nil {
		t.Fatal(err)
	}
	b.tokens[access.Helpdesk] = other.Reveal()
	client = b.signedIn(t, access.Helpdesk)
	if shown("/console/calls/1") {
		t.Error("another token sees the name too")
	}
	if got := b.send(t, client, "POST", "/console/calls/9/reveal", url.Values{"reason": {"A ticket asks for it"}}); got.status != 404 {
		t.Errorf("a call that is not there: %d", got.status)
	}
}

func TestASignInLinkWorksOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids, err := b.store.Tokens(t.Context(), b.org)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(code string) int {
		return b.send(t, browser(t), "POST", "/console/sign-in", url.Values{"token": {code}}).status
	}
	code, err := b.store.CreateSignInCode(t.Context(), b.org, ids[0].TokenID, "cli", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := enter(code.Reveal()); got != 303 {
		t.Errorf("the first time: %d", got)
	}
	if got := enter(code.Reveal()); got != 401 {
		t.Errorf("the second time: %d", got)
	}
	old, err := b.store.CreateSignInCode(t.Context(), b.org, ids[0].TokenID, "cli", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := enter(old.Reveal()); got != 401 {
		t.Errorf("an hour late: %d", got)
	}
	revoked, err := b.store.CreateSignInCode(t.Context(), b.org, ids[1].TokenID, "cli", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.RevokeToken(t.Context(), b.org, ids[1].TokenID, "cli"); err != nil {
		t.Fatal(err)
	}
	if got := enter(revoked.Reveal()); got != 401 {
		t.Errorf("of a revoked token: %d", got)
	}
	if _, err := b.store.CreateSignInCode(t.Context(), uuid.New(), ids[0].TokenID, "cli", time.Now()); err == nil {
		t.Error("another org has a link made for the token")
	}
}
