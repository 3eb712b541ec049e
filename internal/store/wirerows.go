package store

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/macaddr"
	"callweave/internal/measure"
)

// What weaving reads by the million is read as it is on the wire (Postgres reference,
// "Frontend/Backend Protocol", and the send functions of the types): asking for the type
// of every value takes several times as long as all the rest.

// readWire calls row for every row of a query, in binary form. The row is valid within
// the call only.
func (s *Store) readWire(ctx context.Context, sql string, args []any, row func(wireRow)) error {
	rows, err := s.pool.Query(ctx, sql, append([]any{pgx.QueryResultFormats{pgx.BinaryFormatCode}}, args...)...)
	if err != nil {
		return err //nolint:wrapcheck // the method that calls says what it was about
	}
	defer rows.Close()
	for rows.Next() {
		row(rows.RawValues())
	}
	return rows.Err()
}

// wireRow is the values of a row; nil where one is null.
type wireRow [][]byte

func (r wireRow) int64(column int) int64 { return int64(binary.BigEndian.Uint64(r[column])) }

func (r wireRow) instant(column int) time.Time {
	return time.UnixMicro(r.int64(column) + postgresEpoch).UTC()
}

// value is that of a real.
func (r wireRow) value(column int) measure.Value {
	if r[column] == nil {
		return measure.Value{}
	}
	return measure.Of(float64(math.Float32frombits(binary.BigEndian.Uint32(r[column]))))
}

// values are those of neighbouring columns.
func (r wireRow) values(first int, into ...*measure.Value) {
	for i, value := range into {
		*value = r.value(first + i)
	}
}

// mac is a hardware address, zero where it is null.
func (r wireRow) mac(column int) (addr macaddr.Addr) {
	copy(addr[:], r[column])
	return addr
}

// words keeps each of a few texts once.
type words map[string]string

func (w words) of(text []byte) string {
	if known, ok := w[string(text)]; ok {
		return known
	}
	word := string(text)
	w[word] = word
	return word
}
