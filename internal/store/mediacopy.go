package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Media samples are most of what is ever written: half a hundred columns of four bytes in
// every row. They are put into Postgres' binary COPY format (reference, "COPY", "Binary
// Format") by hand, which takes a tenth of the time of an encoder that is asked for the
// type of every value.

// copyChunk is how many bytes of rows are made at once, whatever the size of a meeting.
const copyChunk = 64 << 10

// postgresEpoch is what timestamps count from, in microseconds (reference, "Date/Time
// Types").
const postgresEpoch = 946_684_800 * 1_000_000

// copyInto copies rows into a table of the columns of media_samples.
func (t mediaTable) copyInto(ctx context.Context, tx pgx.Tx, table string, rows []mediaRow) error {
	if len(rows) == 0 {
		return nil
	}
	if err := copyStream(ctx, tx, table, t.columns, &mediaReader{table: t, rows: rows}); err != nil {
		return fmt.Errorf("copy media samples: %w", err)
	}
	return nil
}

// mediaReader makes the stream of a COPY as it is read.
type mediaReader struct {
	table mediaTable
	rows  []mediaRow
	next  int
	begun bool
	ended bool
	row   copyRow
	chunk []byte // made and not read yet
	free  []byte // where the next chunk goes
}

// Read implements io.Reader.
func (r *mediaReader) Read(into []byte) (int, error) {
	if len(r.chunk) == 0 {
		r.fill()
	}
	if len(r.chunk) == 0 {
		return 0, io.EOF
	}
	n := copy(into, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

func (r *mediaReader) fill() {
	out := r.free[:0]
	if !r.begun {
		r.begun = true
		out = append(out, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for ; r.next < len(r.rows) && len(out) < copyChunk; r.next++ {
		r.row.set(r.table.measurements, r.rows[r.next])
		out = append(out, r.row.wire...)
	}
	if r.next == len(r.rows) && !r.ended {
		r.ended = true
		out = append(out, 0xff, 0xff)
	}
	r.free, r.chunk = out, out
}

// copyRow is one row in binary form.
type copyRow struct{ wire []byte }

// set makes it the row of a sample.
func (r *copyRow) set(measurements []mediaColumn, row mediaRow) {
	out := binary.BigEndian.AppendUint16(r.wire[:0], uint16(4+len(measurements)))
	out = appendInt64(out, row.legID)
	out = appendInt64(out, timestamp(row.sample.StartAt))
	out = appendInt64(out, timestamp(row.sample.EndAt))
	out = binary.BigEndian.AppendUint32(out, uint32(len(row.sample.Granularity)))
	out = append(out, row.sample.Granularity...)
	for i := range measurements {
		number, known := measurements[i].of(row.sample).Get()
		if !known {
			out = append(out, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		out = append(out, 0, 0, 0, 4)
		out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(number)))
	}
	r.wire = out
}

func appendInt64(out []byte, value int64) []byte {
	out = append(out, 0, 0, 0, 8)
	return binary.BigEndian.AppendUint64(out, uint64(value))
}

func timestamp(at time.Time) int64 { return at.UnixMicro() - postgresEpoch }

// fields goes through the values of a row.
func (r *copyRow) fields() copyFields { return copyFields{r.wire[2:]} }

type copyFields struct{ rest []byte }

// next returns the next value; nil where it is null.
func (f *copyFields) next() []byte {
	size := int32(binary.BigEndian.Uint32(f.rest))
	f.rest = f.rest[4:]
	if size < 0 {
		return nil
	}
	value := f.rest[:size]
	f.rest = f.rest[size:]
	return value
}
