package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"callweave/internal/localpg"
)

const (
	templateDB = "template_migrated"
	pgPrefix   = "callweave-test-pg-"
)

type postgres struct {
	once      once
	templated once
	cluster   *localpg.Cluster
	dir       string
	databases atomic.Int64
}

// Postgres returns the URL of a migrated database that no other test uses. It is dropped after the test.
func Postgres(t testing.TB) string {
	t.Helper()
	process.requireMain(t)
	if process.migrate == nil {
		t.Fatal("testenv.Postgres: no migrations: give testenv.WithMigrations to testenv.Main, or use testenv.EmptyPostgres")
	}
	p := &process.postgres
	p.require(t)
	if err := p.templated.start(p.makeTemplate); err != nil {
		t.Fatal(err)
	}
	return p.database(t, templateDB)
}

// EmptyPostgres returns the URL of an empty database that no other test uses. It is dropped after the test.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	p := &process.postgres
	p.require(t)
	return p.database(t, "")
}

func (p *postgres) require(t testing.TB) {
	t.Helper()
	process.requireMain(t)
	err := p.once.start(p.start)
	if errors.Is(err, localpg.ErrNotInstalled) {
		missing(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (p *postgres) start(ctx context.Context) error {
	var err error
	if p.dir, err = makeDir(pgPrefix); err != nil {
		return err
	}
	p.cluster, err = localpg.Start(ctx, localpg.Config{Dir: p.dir})
	return err
}

func (p *postgres) makeTemplate(ctx context.Context) error {
	if err := p.cluster.CreateDatabase(ctx, templateDB, ""); err != nil {
		return err
	}
	if err := process.migrate(ctx, p.cluster.URL(templateDB)); err != nil {
		return fmt.Errorf("migrate template database: %w", err)
	}
	return p.cluster.FreezeTemplate(ctx, templateDB)
}

func (p *postgres) database(t testing.TB, template string) string {
	t.Helper()
	name := "test_" + strconv.FormatInt(p.databases.Add(1), 10)
	if err := p.cluster.CreateDatabase(t.Context(), name, template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := p.cluster.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return p.cluster.URL(name)
}

func (p *postgres) stop(ctx context.Context) error {
	var err error
	if p.cluster != nil {
		err = p.cluster.Stop(ctx)
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	return err
}
