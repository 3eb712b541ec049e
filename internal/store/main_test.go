package store

import (
	"context"
	"testing"

	"callweave/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := Migrate(ctx, url)
		return err
	}))
}

// openTest opens a database of the test's own.
func openTest(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
