package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"callweave/internal/api"
	"callweave/internal/config"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/testenv"
	"callweave/internal/vault"
)

const someID = "441a1214-6928-442a-8e92-e1d34b8ec6a6"

func TestWrongUsageExitsTwo(t *testing.T) {
	t.Parallel()
	b := &bundle{env: map[string]string{}}
	for _, line := range []string{
		"", "nonsense", "--nonsense", "serve now", "serve --port 1", "migrate up", "-o yaml gaps",
		"keys", "keys old", "org", "org add", "org add --id x --name n --mist-url https://m --mist-token-file f",
		"org add --id " + someID + " --name n --mist-url ftp://m --mist-token-file f",
		"org add --id " + someID + " --name n --mist-url https://user:hush@m --mist-token-file f",
		"token create --org " + someID, "token create --org " + someID + " --role root",
		"link", "link nonsense", "link start --org " + someID, "link start --forward https://p --org " + someID + " --provider webex",
		"link list", "link stale --limit 0", "link stale --older-than -1s", "link stale --older-than long", "link show --org " + someID, "link set --org " + someID + " --account a",
		"link set --org " + someID + " --account a --max-daily-api-requests 0", "link set --org " + someID + " --account a --max-daily-api-requests x",
		"link unlink --account a", "backfill --account a --from 2026-11-01",
		"backfill --account a --from 2026-11-02 --to 2026-11-01", "backfill --account a --from yesterday --to 2026-11-01",
		"backfill --account a --from 2020-11-02 --to 2020-11-03", "backfill --account a --from 2026-01-01 --to 2999-01-01",
		"gaps --limit 0", "gaps --limit x", "receipts --org x", "quarantine list",
	} {
		code, out, problems := b.run(t, strings.Fields(line)...)
		if code != 2 {
			t.Errorf("starter %s: exit %d, want 2: %s", line, code, problems)
		}
		if out != "" || !strings.Contains(problems, "--help") {
			t.Errorf("starter %s: printed %q, %q", line, out, problems)
		}
	}
}

func TestFailureExitsOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	for line, word := range map[string]string{
		"token create --role admin --org " + someID:                                                "not found",
		"org remove --id " + someID:                                                                "not found",
		"link list --org " + someID:                                                                "not found",
		"link show --account a --org " + b.org.String():                                            "not found",
		"link set --discard-guest-info --account a --org " + b.org.String():                        "not found",
		"link start --forward https://evil.example/ --org " + b.org.String():                       "FORWARD_HOSTS",
		"link start --forward https://portal.example/ --provider teams --org " + b.org.String():    "not offered",
		"backfill --account a --from 2026-11-01 --to 2026-11-02":                                   "no org is linked",
		"org add --id " + someID + " --name n --mist-url https://m --mist-token-file /nonexistent": "--mist-token-file",
	} {
		code, _, problems := b.run(t, strings.Fields(line)...)
		if code != 1 || !strings.Contains(problems, word) {
			t.Errorf("starter %s: exit %d, %q; want 1 and %q", line, code, problems, word)
		}
	}
	b.env = map[string]string{}
	for line, word := range map[string]string{"migrate": "DATABASE_URL", "gaps": "DATABASE_URL", "serve": "ZOOM_CLIENT_ID"} {
		if code, _, problems := b.run(t, line); code != 1 || !strings.Contains(problems, word) {
			t.Errorf("starter %s without environment: exit %d, %q", line, code, problems)
		}
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	b := &bundle{env: map[string]string{}}
	for _, line := range []string{"--help", "serve --help", "link start --help"} {
		code, out, _ := b.run(t, strings.Fields(line)...)
		if code != 0 {
			t.Errorf("starter %s: exit %d", line, code)
		}
		for _, v := range config.Variables[config.Starter]() {
			if !strings.Contains(out, v.Name) {
				t.Errorf("starter %s does not name %s", line, v.Name)
			}
		}
	}
}

func TestMigrateAndKeys(t *testing.T) {
	t.Parallel()
	b := &bundle{env: map[string]string{"DATABASE_URL": testenv.EmptyPostgres(t)}}
	if code, _, problems := b.run(t, "gaps"); code != 1 || !strings.Contains(problems, "starter migrate") {
		t.Errorf("on an empty database: exit %d, %q", code, problems)
	}
	var first, second struct{ Applied []int64 }
	b.json(t, &first, "migrate")
	b.json(t, &second, "migrate")
	if len(first.Applied) == 0 || second.Applied == nil || len(second.Applied) != 0 {
		t.Errorf("applied %v, then %v", first.Applied, second.Applied)
	}
	code, keyset, _ := b.run(t, "keys", "new")
	if _, err := vault.OpenMaster(secret.New(keyset)); code != 0 || err != nil {
		t.Errorf("keys new: exit %d, %v", code, err)
	}
	// Another keyset than the database's is refused.
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	add := []string{"org", "add", "--id", someID, "--name", "n", "--mist-url", "https://m", "--mist-token-file", file}
	b.env["KEYSET"] = keyset
	if code, _, problems := b.run(t, add...); code != 0 {
		t.Fatalf("exit %d: %s", code, problems)
	}
	_, b.env["KEYSET"], _ = b.run(t, "keys", "new")
	if code, _, problems := b.run(t, add...); code != 1 || !strings.Contains(problems, "another keyset") {
		t.Errorf("with another keyset: exit %d, %q", code, problems)
	}
}

func TestOrgsAndTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	s, v := b.open(t)
	org, err := s.Org(t.Context(), b.org)
	if err != nil || org.Name != "Live Demo" || org.MistUrl != "https://api.mist.example" {
		t.Errorf("org %+v, %v", org, err)
	}
	if token, err := v.Master().OpenText(vault.PurposeNetworkToken, org.MistTokenSealed); err != nil || token.Reveal() != "mist-token" {
		t.Errorf("the network's token: %v", err)
	}
	code, token, _ := b.run(t, "token", "create", "--org", b.org.String(), "--role", "helpdesk")
	row, err := s.TokenByHash(t.Context(), store.HashToken(secret.New(strings.TrimSpace(token))))
	if code != 0 || err != nil || row.Role != "helpdesk" || row.OrgID != b.org {
		t.Errorf("exit %d, %+v, %v", code, row, err)
	}
	entries, err := s.AuditLog(t.Context(), b.org, 10)
	if err != nil || len(entries) != 2 || entries[0].Action != "token created" || entries[0].Actor != "cli" {
		t.Errorf("audit log %+v, %v", entries, err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	code, out, problems := b.run(t, "link", "start", "--org", b.org.String(), "--forward", "https://portal.example/back")
	offered, err := url.Parse(strings.TrimSpace(out))
	if code != 0 || err != nil || offered.Host != "zoom.us" || offered.Query().Get("redirect_uri") != "https://callweave.example/api/v1/oauth2/app/zoom/callback" ||
		offered.Query().Get("code_challenge_method") != "S256" || offered.Query().Get("state") == "" {
		t.Errorf("link start: exit %d, %q, %s", code, out, problems)
	}
	var list []shownLink
	if b.json(t, &list, "link", "list", "--org", b.org.String()); list == nil || len(list) != 0 {
		t.Errorf("before: %v", list)
	}
	b.link(t)
	b.json(t, &list, "link", "list", "--org", b.org.String())
	if len(list) != 1 || list[0].AccountID != account || list[0].LinkedBy != "Ann" || list[0].MaxDailyAPIRequests != nil {
		t.Errorf("after: %+v", list)
	}
	var set map[string]any
	b.json(t, &set, "link", "set", "--org", b.org.String(), "--account", account, "--max-daily-api-requests", "5000")
	b.json(t, &set, "link", "set", "--org", b.org.String(), "--account", account, "--discard-guest-info")
	b.json(t, &set, "link", "set", "--org", b.org.String(), "--account", account, "--live", "true")
	var shown shownLink
	b.json(t, &shown, "link", "show", "--org", b.org.String(), "--account", account)
	if shown.MaxDailyAPIRequests == nil || *shown.MaxDailyAPIRequests != 5000 || !shown.DiscardGuestInfo || !shown.Live {
		t.Errorf("settings: %+v", shown)
	}
	if code, out, _ := b.run(t, "link", "show", "--org", b.org.String(), "--account", account); code != 0 || !strings.Contains(out, "5000") {
		t.Errorf("as text: %s", out)
	}
}

// An org whose network cannot be polled shows it where operators look.
func TestDevicesErrorIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t)
	if code, out, _ := b.run(t, "org", "list"); code != 0 || !strings.Contains(out, "Live Demo") {
		t.Errorf("org list: exit %d, %s", code, out)
	}
	const problem = "The network does not accept the API token. Give a new one."
	_, err := b.conn(t).Exec(t.Context(), "update orgs set devices_synced_at = '2026-11-18T15:00:00Z', devices_error = $1", problem)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"org list", "link show --org " + b.org.String() + " --account " + account} {
		for _, form := range []string{"text", "json"} {
			code, out, problems := b.run(t, append(strings.Fields(command), "-o", form)...)
			if code != 0 || !strings.Contains(out, problem) || !strings.Contains(out, "2026-11-18T15:00:00Z") {
				t.Errorf("%s as %s: exit %d, %s%s", command, form, code, out, problems)
			}
		}
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	var none api.GapReport
	if b.json(t, &none, "gaps"); none.Results == nil || none.Forecasts == nil || len(none.Results)+len(none.Forecasts) != 0 {
		t.Errorf("gaps of nothing: %+v, want empty lists", none)
	}
	for _, what := range []string{"receipts", "quarantine", "backfill list"} {
		what := strings.Fields(what)
		var none []any
		if b.json(t, &none, what...); none == nil || len(none) != 0 {
			t.Errorf("%s of nothing: %v, want an empty list", what, none)
		}
	}
	b.link(t)
	b.gapsSay(t)
	s, _ := b.open(t)
	if _, err := s.Fence(t.Context(), zoomAccount, b.org, "test", "operator"); err != nil {
		t.Fatal(err)
	}
	for what, word := range map[string]string{"receipts": "operator", "quarantine": "malformed"} {
		for narrow, want := range map[string]int{"--account " + account: 1, "--account other": 0, "--org " + uuid.NewString(): 0} {
			var rows []map[string]any
			if b.json(t, &rows, append([]string{what}, strings.Fields(narrow)...)...); len(rows) != want {
				t.Errorf("%s %s: %d rows, want %d", what, narrow, len(rows), want)
			}
		}
		_, out, _ := b.run(t, what, "-o", "json")
		if text, _, _ := strings.Cut(out, "]"); !strings.Contains(text, word) {
			t.Errorf("%s does not show %s: %s", what, word, out)
		}
		if code, out, _ := b.run(t, what); code != 0 || !strings.Contains(out, account) {
			t.Errorf("%s as text: exit %d, %s", what, code, out)
		}
	}
}

// gapsSay checks what becomes of a gap, and of the budget.
func (b *bundle) gapsSay(t *testing.T) {
	t.Helper()
	for narrow, want := range map[string]int{"--account " + account: 2, "--account other": 0, "--org " + uuid.NewString(): 0} {
		var report api.GapReport
		if b.json(t, &report, append([]string{"gaps"}, strings.Fields(narrow)...)...); len(report.Results) != want || len(report.Forecasts) != want/2 {
			t.Errorf("gaps %s: %+v, want %d gaps", narrow, report, want)
		}
	}
	conn := b.conn(t)
	for _, test := range []struct{ change, window, meeting string }{
		{"", api.PlanNextPass, api.PlanAsked},
		{"update meetings set due_at = now() + interval '1 hour'", api.PlanNextPass, api.PlanAt},
		{"update windows set attempts = 10", api.PlanAsked, api.PlanAt},
		{"update windows set attempts = 0, cause = 'reauthorization_required'", api.PlanMended, api.PlanAt},
		{"update windows set cause = 'rate_limited'", api.PlanNextPass, api.PlanAt},
		{"insert into api_requests values ('zoom', '" + account + "', (now() at time zone 'UTC')::date, 'heavy', 48000)", api.PlanMidnight, api.PlanAt},
		{"update meetings set due_at = now()", api.PlanMidnight, api.PlanMidnight},
	} {
		if _, err := conn.Exec(t.Context(), test.change); err != nil {
			t.Fatal(err)
		}
		var report api.GapReport
		b.json(t, &report, "gaps", "--org", b.org.String())
		plans := map[string]string{}
		for _, gap := range report.Results {
			plans[gap.Kind] = gap.Plan
		}
		if plans["window"] != test.window || plans["meeting"] != test.meeting {
			t.Errorf("after %q the plans are %v, want %s and %s", test.change, plans, test.window, test.meeting)
		}
	}
	var report api.GapReport
	b.json(t, &report, "gaps", "--account", account)
	if f := report.Forecasts[0]; f.Spent != 48000 || f.UsedRatio != 1 || f.ExhaustedAt == nil || f.BacklogDoneAt == nil || f.MeetingsDue != 1 {
		t.Errorf("forecast: %+v", f)
	}
	if code, out, _ := b.run(t, "gaps"); code != 0 || !strings.Contains(out, api.PlanMidnight) || !strings.Contains(out, "48000 of 48000") {
		t.Errorf("as text: exit %d, %s", code, out)
	}
	var link struct{ Forecast *api.Forecast }
	if b.json(t, &link, "link", "show", "--org", b.org.String(), "--account", account); link.Forecast == nil || link.Forecast.Spent != 48000 {
		t.Errorf("the link shows %+v", link.Forecast)
	}
}
