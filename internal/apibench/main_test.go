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

	// lineOfData is raised where fill makes other data than it did.
	lineOfData = 2
)

// stage is a filled database.
type stage struct {
	url     string
	pool    *pgxpool.Pool // for looks beside what is measured
	orgs    []tenant
	mark    string // what a database says of itself that is filled as this build would
	cluster *localpg.Cluster
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
	// What landing logs is not kept for longer than the server needs it.
	cluster, err := localpg.Start(ctx, localpg.Config{Dir: dir, Settings: []string{"max_wal_size=256MB"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cluster.Stop(context.WithoutCancel(ctx)); err != nil {
			b.Error(err)
		}
	})
	s := &stage{orgs: tenants(minutes), cluster: cluster}
	name := fmt.Sprintf("minutes_%d", minutes)
	s.url = cluster.URL(name)
	schema, migrations, err := store.Schema()
	if err != nil {
		b.Fatal(err)
	}
	s.mark = fmt.Sprintf("data %d, schema %d of %d migrations", lineOfData, schema, migrations)
	if s.pool, err = pgxpool.New(ctx, s.url); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.pool.Close)
	switch mark := s.filledAs(ctx); mark {
	case s.mark:
		return s
	case "":
		s.say("filling %s with %d call minutes: once, some minutes", dir, minutes)
	default:
		s.say("the call minutes in %s are of another build (%s; this one is %s): filling anew, some minutes", dir, mark, s.mark)
	}
	s.pool.Reset()                                          // its connections keep the database from going
	if err := cluster.DropDatabase(ctx, name); err != nil { // what is not whole, or of another build
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

// filledAs is the mark of a database that holds all; "" where there is none.
func (s *stage) filledAs(ctx context.Context) (mark string) {
	if err := s.pool.QueryRow(ctx, "select coalesce(obj_description(to_regclass('call_minutes')), '')").Scan(&mark); err != nil {
		return "" // no such database
	}
	return mark
}

// say prints at once: what a benchmark logs is shown when it has ended.
func (s *stage) say(text string, args ...any) {
	fmt.Fprintf(os.Stderr, text+"\n", args...)
}
