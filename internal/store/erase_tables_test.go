package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"callweave/internal/provider"
)

// requireSeeded fails for a table that holds data of accounts or orgs and that these
// tests do not fill: whoever adds one adds it to the erasure and to the seed.
func requireSeeded(t *testing.T, s *Store, ref provider.AccountRef, org uuid.UUID) {
	t.Helper()
	notErased := map[string]bool{"receipts": true, "audit_log": true, "orgs": true, "api_tokens": true, "revocations": true}
	for column, value := range map[string]string{"account_id": ref.AccountID, "org_id": org.String()} {
		rows, err := s.pool.Query(t.Context(), `select k.table_name from information_schema.columns k join pg_class c on c.relname = k.table_name
			where k.table_schema = 'public' and k.column_name = $1 and not c.relispartition and c.relkind in ('r', 'p')`, column)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var names []string
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		for _, name := range names {
			if !notErased[name] && number(t, s, `select count(*) from `+name+` where `+column+`::text = $1`, value) == 0 {
				t.Errorf("table %s has column %s and no row in this test: add it to the erasure and to the seed", name, column)
			}
		}
	}
}

// A table that names neither org nor account may hold data of theirs all the same, by the id of
// something else. Whoever adds one says here how it goes.
func TestTablesWithoutOrgOrAccount(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	rows, err := s.pool.Query(t.Context(), `select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition and n.nspname !~ '^(pg_|information_schema)' and c.relpersistence <> 't'
		  and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname in ('org_id', 'account_id') and not a.attisdropped)
		order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"public.ended_sessions",   // random ids, until the sessions themselves are over
		"public.goose_db_version", // of the schema
		"public.media_samples",    // go with their legs
		"public.retentions",       // one day
		"public.sign_in_codes",    // hashes, of tokens, with which they go
		"public.swept_executions", // run ids of a receipt, until none is left
		"public.token_uses",       // a part of the audit log, which an erasure leaves; by the day
		"public.unlanded_grants",  // outlive what names their org, until they have ended
		"vault.data_keys",         // destroyed, and forgotten with the histories
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tables (-known +there):\n%s", diff)
	}
}
