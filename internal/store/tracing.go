package store

import (
	"context"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
)

// copyStream copies rows in Postgres' binary format into a table, as a span of its own:
// pgx shows only those that it makes of values itself.
func copyStream(ctx context.Context, tx pgx.Tx, table, columns string, rows io.Reader) error {
	ctx, span := otel.Tracer("callweave/store").Start(ctx, "copy_from "+table,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(semconv.DBCollectionName(table)))
	defer span.End()
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, rows, "copy "+table+" ("+columns+") from stdin with (format binary)")
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, "copy")
		return err //nolint:wrapcheck // the method that calls says what it was about
	}
	span.SetAttributes(attribute.Int64("db.response.affected_rows", tag.RowsAffected()))
	return nil
}

// statementName names a statement in traces as queries/ does, or by its first word.
func statementName(sql string) string {
	name, named := strings.CutPrefix(sql, "-- name: ")
	if word, _, ok := strings.Cut(strings.TrimSpace(name), " "); ok {
		name = word
	}
	if !named {
		name = strings.ToUpper(name)
	}
	return name
}
