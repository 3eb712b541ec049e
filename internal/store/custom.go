package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"callweave/internal/store/db"
)

// reads runs statements that are planned for their arguments every time. A plan that is kept
// for all arguments takes filters that nobody asked for as conditions it cannot know, and so
// misses the index that those which were asked for would use.
func (s *Store) reads() *db.Queries { return db.New(custom{s.pool}) }

type custom struct{ db.DBTX }

func (c custom) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return c.DBTX.Query(ctx, sql, planned(args)...)
}

func (c custom) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return c.DBTX.QueryRow(ctx, sql, planned(args)...)
}

// planned has pgx send a statement without a name: Postgres plans such a one when its
// arguments are known, and keeps no plan (PostgreSQL documentation, "Extended Query").
func planned(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}
