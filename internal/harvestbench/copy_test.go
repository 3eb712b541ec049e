package harvestbench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callweave/internal/proctime"
)

// samples are the rows of media_samples as they were landed, small enough to be kept for
// the bare COPY.
type samples struct {
	columns []string
	rows    []sampleRow
}

type sampleRow struct {
	leg        int64
	start, end time.Time
	known      uint64 // a bit for each measurement
	values     [48]float32
}

const sampleKeys = "leg_id, start_at, end_at, granularity"

// readSamples reads what a harvest has landed, in the order of the table's key.
func (s *stage) readSamples() samples {
	s.b.Helper()
	var names []string
	rows, err := s.pool.Query(s.b.Context(), `select attname::text from pg_attribute
		where attrelid = 'media_samples'::regclass and attnum > 0 and not attisdropped order by attnum`)
	if err == nil {
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		s.b.Fatal(err)
	}
	read := samples{columns: names}
	keys := len(strings.Split(sampleKeys, ", "))
	if strings.Join(names[:keys], ", ") != sampleKeys || len(names)-keys != len(sampleRow{}.values) {
		s.b.Fatalf("media_samples has other columns than this benchmark: %v", names)
	}
	rows, err = s.pool.Query(s.b.Context(), "select * from media_samples order by leg_id, start_at")
	if err != nil {
		s.b.Fatal(err)
	}
	defer rows.Close()
	var (
		granularity string
		values      [len(sampleRow{}.values)]*float32
	)
	for rows.Next() {
		var row sampleRow
		into := []any{&row.leg, &row.start, &row.end, &granularity}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := rows.Scan(into...); err != nil {
			s.b.Fatal(err)
		}
		for i, value := range values {
			if value != nil {
				row.known |= 1 << i
				row.values[i] = *value
			}
		}
		read.rows = append(read.rows, row)
	}
	if err := rows.Err(); err != nil {
		s.b.Fatal(err)
	}
	return read
}

// bareCopy copies the rows into the empty table through one connection.
func (s *stage) bareCopy(b *testing.B, all samples, cpu *proctime.Watch) (took time.Duration, processor proctime.Seconds) {
	b.Helper()
	connection, err := pgx.Connect(b.Context(), s.database)
	if err != nil {
		b.Fatal(err)
	}
	defer connection.Close(b.Context())
	values := make([]any, len(all.columns))
	source := pgx.CopyFromSlice(len(all.rows), func(i int) ([]any, error) {
		row := &all.rows[i]
		values[0], values[1], values[2], values[3] = row.leg, row.start, row.end, "minute"
		for j := range row.values {
			values[4+j] = nil
			if row.known&(1<<j) != 0 {
				values[4+j] = row.values[j]
			}
		}
		return values, nil
	})
	cpu.Lap()
	began := time.Now()
	n, err := connection.CopyFrom(b.Context(), pgx.Identifier{"media_samples"}, all.columns, source)
	took, processor = time.Since(began), cpu.Lap()
	if err != nil || int(n) != len(all.rows) {
		b.Fatal(fmt.Errorf("copied %d of %d rows: %w", n, len(all.rows), err))
	}
	return took, processor
}
