package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // goose speaks database/sql
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrSchemaTooOld and ErrSchemaTooNew are why a program refuses a database.
var (
	ErrSchemaTooOld = errors.New("the database schema is older than this build: run `starter migrate`")
	ErrSchemaTooNew = errors.New("the database schema is newer than this build: run the newer build")
)

// Migrate brings the schema of the database at url to the version of this build and
// returns the versions it applied, oldest first. It takes a lock, so that several may
// call it at once, and refuses a schema that is newer than this build.
func Migrate(ctx context.Context, url string) ([]int64, error) {
	conn, err := sql.Open("pgx", url)
	if err != nil {
		return nil, errors.New("DATABASE_URL: not a Postgres URL: want postgres://user:password@host:port/database")
	}
	defer conn.Close()

	migrations, err := migrationsFS()
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("prepare migration lock: %w", err)
	}
	// Migrations are numbered by who begins first and merged by who is done first: a database that
	// followed the development has later ones already.
	migrator, err := goose.NewProvider(goose.DialectPostgres, conn, migrations, goose.WithSessionLocker(locker), goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	current, err := migrator.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	sources := migrator.ListSources()
	if wanted := sources[len(sources)-1].Version; current > wanted {
		return nil, fmt.Errorf("%w (it is at %d, this build knows %d)", ErrSchemaTooNew, current, wanted)
	}
	applied, err := migrator.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	versions := make([]int64, len(applied))
	for i, result := range applied {
		versions[i] = result.Source.Version
	}
	return versions, nil
}

// Schema is the version of the schema that this build was made for, and of how many
// migrations it is made.
func Schema() (version int64, migrations int, err error) {
	versions, err := schemaVersions()
	if err != nil {
		return 0, 0, err
	}
	return slices.Max(versions), len(versions), nil
}

// schemaVersions are the migrations that make the schema of this build.
func schemaVersions() ([]int64, error) {
	files, err := migrationsFS()
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	versions := make([]int64, len(names))
	for i, name := range names {
		if versions[i], err = goose.NumericComponent(name); err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
	}
	return versions, nil
}

// CheckSchema returns [ErrSchemaTooOld] or [ErrSchemaTooNew] unless the database has
// exactly the schema of this build: each of its migrations and no other.
func CheckSchema(ctx context.Context, pool *pgxpool.Pool) error {
	wanted, err := schemaVersions()
	if err != nil {
		return err
	}
	var exists bool
	if err := pool.QueryRow(ctx, "select to_regclass('goose_db_version') is not null").Scan(&exists); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	var applied []int64
	if exists {
		const versions = "select coalesce(array_agg(version_id order by version_id), '{}') from goose_db_version where is_applied and version_id > 0"
		if err := pool.QueryRow(ctx, versions).Scan(&applied); err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
	}
	for _, version := range applied {
		if !slices.Contains(wanted, version) {
			return fmt.Errorf("%w (it has migration %d)", ErrSchemaTooNew, version)
		}
	}
	for _, version := range wanted {
		if !slices.Contains(applied, version) {
			return fmt.Errorf("%w (it lacks migration %d)", ErrSchemaTooOld, version)
		}
	}
	return nil
}

func migrationsFS() (fs.FS, error) {
	migrations, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return migrations, nil
}
