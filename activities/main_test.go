package activities

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
