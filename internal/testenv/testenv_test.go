package testenv_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"callweave/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m, testenv.WithMigrations(migrate)) }

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "create table orgs (id int primary key)"); err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	return nil
}

// Each of many tests at once gets the migrated schema and sees nobody else's rows.
func TestPostgresIsIsolated(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), testenv.Postgres(t))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			if _, err := conn.Exec(t.Context(), "insert into orgs values ($1)", i); err != nil {
				t.Fatal(err)
			}
			var n int
			if err := conn.QueryRow(t.Context(), "select count(*) from orgs").Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n != 1 {
				t.Errorf("rows = %d, want only our own", n)
			}
		})
	}
}

func TestEmptyPostgresHasNoTables(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), testenv.EmptyPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var n int
	const q = "select count(*) from pg_tables where schemaname = 'public'"
	if err := conn.QueryRow(t.Context(), q).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("tables = %d", n)
	}
}
