// Package store keeps everything Callweave knows in Postgres.
//
// Queries are written in SQL under queries/ and typed by sqlc into the package db;
// the methods here say what a write means, in one transaction each. Every write has a
// natural key, so that repeating it changes nothing. What is sealed is sealed before it
// gets here: the store sees ciphertexts only.
package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/semaphore"

	"callweave/internal/store/db"
)

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

// ErrFenced says that the link the write is for is being unlinked or is gone: nothing
// is written for it any more.
var ErrFenced = errors.New("link is not active: nothing is written for it")

// Store is a pool of connections to a database with our schema. Safe for concurrent use.
type Store struct {
	pool      *pgxpool.Pool
	refreshes *semaphore.Weighted // see [Store.TakeRefreshTurn]
	uses      useDays
}

// DefaultMaxConns is how many connections a pool has at most, where nobody says.
const DefaultMaxConns = 16

// refreshShare is the part of a pool's connections that refreshes may hold: one in so
// many. Each holds its connection, and the lock of its credential, while a provider
// thinks about it.
const refreshShare = 4

// Option changes how a pool is opened.
type Option func(*pgxpool.Config)

// WithMaxConns bounds the pool's connections; 0 leaves it to the URL (pool_max_conns) or
// [DefaultMaxConns].
func WithMaxConns(n int) Option {
	return func(config *pgxpool.Config) {
		if n > 0 {
			config.MaxConns = int32(n)
		}
	}
}

// DefaultStatementTimeout ends a statement that the database works or waits at for longer.
// Whoever asked has given up by then: an activity must be heard of every minute, and a
// provider has one to answer while others wait for the lock of its credential. It is not
// for migrations, nor for counting what an erasure takes.
const DefaultStatementTimeout = 2 * time.Minute

const statementTimeout = "statement_timeout"

// WithStatementTimeout replaces the [DefaultStatementTimeout], and what the URL says
// (statement_timeout, in milliseconds); 0 is no limit.
func WithStatementTimeout(limit time.Duration) Option {
	return func(config *pgxpool.Config) {
		config.ConnConfig.RuntimeParams[statementTimeout] = strconv.FormatInt(limit.Milliseconds(), 10)
	}
}

// Open connects to the database at url and checks that its schema is the one this
// build was made for (see [CheckSchema]).
func Open(ctx context.Context, url string, options ...Option) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's own message repeats the URL, password included.
		return nil, errors.New("DATABASE_URL: not a Postgres URL: want postgres://user:password@host:port/database")
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = DefaultMaxConns
	}
	if _, says := config.ConnConfig.RuntimeParams[statementTimeout]; !says {
		WithStatementTimeout(DefaultStatementTimeout)(config)
	}
	// Statements only, never their arguments: these hold addresses and ciphertexts.
	config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithDisableConnectionDetailsInAttributes(), otelpgx.WithSpanNameFunc(statementName))
	for _, option := range options {
		option(config)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to database: %w", err)
	}
	if err := CheckSchema(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool, refreshes: semaphore.NewWeighted(max(1, int64(config.MaxConns)/refreshShare))}, nil
}

// TakeRefreshTurn waits until the caller may refresh a credential, so that refreshes of a
// slow provider leave connections to everything else. The turn is given back by release.
func (s *Store) TakeRefreshTurn(ctx context.Context) (release func(), err error) {
	if err := s.refreshes.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait for other refreshes: %w", err)
	}
	return func() { s.refreshes.Release(1) }, nil
}

// Close waits for the connections in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// queries runs single statements.
func (s *Store) queries() *db.Queries { return db.New(s.pool) }

// inTx runs work in one read-committed transaction and commits unless work fails.
func (s *Store) inTx(ctx context.Context, work func(tx pgx.Tx, q *db.Queries) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return work(tx, db.New(tx)) }) //nolint:wrapcheck // the method that calls says what it was about
}

// notFound turns pgx's "no rows" into [ErrNotFound] with what was looked for.
func notFound(err error, what string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf(what+": %w", append(args, ErrNotFound)...)
	}
	if err != nil {
		return fmt.Errorf(what+": %w", append(args, err)...)
	}
	return nil
}
