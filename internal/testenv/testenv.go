// Package testenv gives tests the real parts: a PostgreSQL database and a Temporal namespace of their own.
//
// One PostgreSQL cluster and one Temporal dev server serve all tests of a test binary. They start when the first
// test asks for them and end with the process, even when it is killed. A package that uses them has
//
//	func TestMain(m *testing.M) { testenv.Main(m, testenv.WithMigrations(store.Migrate)) }
//
// Where the programs are missing tests are skipped; with CALLWEAVE_REQUIRE_SERVICES=1, which `make test` sets,
// they fail instead.
package testenv

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// requireVar makes missing programs a failure.
const requireVar = "CALLWEAVE_REQUIRE_SERVICES"

const (
	startTimeout = 90 * time.Second // a machine of two busy cores, cold caches
	stopTimeout  = 20 * time.Second
)

// process is what all tests of this test binary share.
//
//nolint:gochecknoglobals // tests of a binary have no other way to share a server; Main is the only writer of options
var process shared

type shared struct {
	hasMain  bool
	migrate  Migrate
	postgres postgres
	temporal temporal
}

// Migrate brings the database at a URL to the current schema.
type Migrate func(ctx context.Context, databaseURL string) error

// Option adjusts Main.
type Option func()

// WithMigrations makes [Postgres] hand out migrated databases.
func WithMigrations(migrate Migrate) Option {
	return func() { process.migrate = migrate }
}

// Main runs the tests, stops what they started and exits. It is to be the body of TestMain.
func Main(m *testing.M, options ...Option) { os.Exit(run(m, options)) }

func run(m *testing.M, options []Option) int {
	process.hasMain = true
	for _, o := range options {
		o()
	}
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, stop := range []func(context.Context) error{process.temporal.stop, process.postgres.stop} {
		if err := stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "testenv:", err)
			code = max(code, 1)
		}
	}
	return code
}

// requireMain makes sure that somebody stops what a test starts.
func (s *shared) requireMain(t testing.TB) {
	t.Helper()
	if !s.hasMain {
		t.Fatal("testenv: this package needs func TestMain(m *testing.M) { testenv.Main(m) }")
	}
}

// once runs a start function once and remembers its error for everybody who asks later.
type once struct {
	do  sync.Once
	err error
}

func (o *once) start(f func(ctx context.Context) error) error {
	o.do.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		o.err = f(ctx)
	})
	return o.err
}

// missing skips or fails a test whose programs are not installed.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv(requireVar) == "1" {
		t.Fatalf("%v (%s=1 forbids skipping)", err, requireVar)
	}
	t.Skip(err)
}
