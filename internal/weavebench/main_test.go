// Package weavebench measures weaving on a real Postgres: a day of an org, from its
// stored media and device samples to call minutes, against a bare COPY of the same rows
// and against the same result by plain SQL. `make bench-weave` runs it.
package weavebench

import (
	"context"
	"testing"

	"callweave/internal/store"
	"callweave/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithMigrations(func(ctx context.Context, url string) error {
		_, err := store.Migrate(ctx, url)
		return err
	}))
}
