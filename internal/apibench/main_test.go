// Package apibench measures the calls API over HTTP against the bare queries behind it, on
// a database of many million call minutes. `make bench-api` runs it; docs/api.md says what
// it prints.
package apibench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"callweave/internal/localpg"
	"callweave/internal/store"
)

// The database is kept, so that only the first run fills it: where, and with how many
// minutes, can be said.
const (
	envDir     = "CALLWEAVE_API_DIR"
	envMinutes = "CALLWEAVE_API_MINUTES"

	defaultMinutes = 10_000_000
)

// stage is a filled database.
type stage struct {
	url  string
	pool *pgxpool.Pool // for looks beside what is measured
	orgs []tenant

	postmaster int
}

func open(b *testing.B) *stage {
	b.Helper()
	ctx := b.Context()
	minutes := defaultMinutes
	if text := os.Getenv(envMinutes); text != "" {
		var err error
		if minutes, err = strconv.Atoi(text); err != nil || minutes < 1 {
			b.Fatalf("%s: want a whole number", envMinutes)
		}
	}
	dir := os.Getenv(envDir)
	if dir == "" {
		dir = filepath.Join("..", "..", ".local", "apibench")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		b.Fatal(err)
	}
	cluster, err := localpg.Start(ctx, localpg.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cluster.Stop(context.WithoutCancel(ctx)); err != nil {
			b.Error(err)
		}
	})
	s := &stage{orgs: tenants(minutes), postmaster: cluster.Pid()}
	name := fmt.Sprintf("minutes_%d", minutes)
	s.url = cluster.URL(name)
	if s.pool, err = pgxpool.New(ctx, s.url); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.pool.Close)
	if s.filled(ctx) {
		if _, err := store.Migrate(ctx, s.url); err == nil {
			return s
		}
	}
	s.pool.Reset()                                          // its connections keep the database from going
	if err := cluster.DropDatabase(ctx, name); err != nil { // what is not whole, or of another line of schemas
		b.Fatal(err)
	}
	if err := cluster.CreateDatabase(ctx, name, ""); err != nil {
		b.Fatal(err)
	}
	if _, err := store.Migrate(ctx, s.url); err != nil {
		b.Fatal(err)
	}
	s.fill(b)
	return s
}

// filled reports whether the database holds all,  whatever was its schema then.
func (s *stage) filled(ctx context.Context) bool {
	var done bool
	err := s.pool.QueryRow(ctx, "select obj_description('call_minutes'::regclass) = 'filled'").Scan(&done)
	return err == nil && done
}
