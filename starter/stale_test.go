package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// What an alert counts has a name: accounts of all orgs with what is newest of them, the longest
// without news first.
func TestStaleAccountsHaveNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addOrg(t)
	b.link(t) // and nothing ever came
	conn, other := b.conn(t), uuid.New()
	for _, sql := range []string{
		"insert into orgs (org_id, name, mist_url, mist_token_sealed) values ('" + other.String() + "', 'Other', '', '')",
		"insert into accounts (provider, account_id) values ('zoom', 'fresh'), ('zoom', 'dead')",
		`insert into links (provider, account_id, org_id, linked_by_sealed, linked_at, last_sync_at, status, errors)
			select 'zoom', a, o.org_id, '', now() - interval '9 days', now() - age, status, errors
			from (values ('fresh', interval '1 minute', 'active', '{}'::text[]), ('dead', '3 days', 'failed', '{re-link it}')) v (a, age, status, errors) cross join orgs o`,
		"update links set linked_at = now() - interval '2 hours' where account_id = '" + account + "'",
		"update links set last_sync_at = now() - interval '5 days' where account_id = 'fresh' and org_id = '" + other.String() + "'", // the other link is fresh
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	for args, want := range map[string][]string{
		"link stale":                         {"dead", account},
		"link stale --older-than 6h":         {"dead"},
		"link stale --older-than 0s":         {"dead", account, "fresh"},
		"link stale --limit 1":               {"dead"},
		"link stale --older-than 960h":       nil,
		"link stale --older-than 6h -o json": {"dead"},
	} {
		code, out, problems := b.run(t, strings.Fields(args)...)
		if code != 0 {
			t.Errorf("%s: exit %d, %s", args, code, problems)
		}
		var got []string
		for line := range strings.Lines(out) {
			for _, id := range []string{"dead", "fresh", account} {
				if strings.Contains(line, id) {
					got = append(got, id)
				}
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %q, want %q in\n%s", args, got, want, out)
		}
		if len(want) > 0 && (!strings.Contains(out, "re-link it") || !strings.Contains(out, other.String()) || !strings.Contains(out, b.org.String())) {
			t.Errorf("%s says neither what is wrong nor whose it is:\n%s", args, out)
		}
	}
}
