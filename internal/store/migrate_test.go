package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/testenv"
)

// A migration that was merged after a later one is missed in databases that have the later one,
// and made up for.
func TestMigrationsAreMergedInAnyOrder(t *testing.T) {
	t.Parallel()
	url := testenv.EmptyPostgres(t)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	check := func(when string, want error) {
		t.Helper()
		if err := CheckSchema(t.Context(), pool); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
	}
	check("an empty database", ErrSchemaTooOld)
	if _, err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	check("migrated", nil)
	// As 0025 has it, undone.
	const undo = `drop index audit_log_object; drop table ended_sessions, sign_in_codes; delete from goose_db_version where version_id = 25`
	if _, err := pool.Exec(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	check("with one in the middle missing", ErrSchemaTooOld)
	applied, err := Migrate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{25}, applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	check("migrated again", nil)
	if _, err := pool.Exec(t.Context(), `insert into goose_db_version (version_id, is_applied) values (11, true)`); err != nil {
		t.Fatal(err)
	}
	check("with one that nobody knows", ErrSchemaTooNew)
}
